import { isUuid } from '../../core/uuid.ts'

/** The prefixes of OpenAI's ids. */
const ID_PREFIXES = {
  file: 'file-',
  job: 'ftjob-',
  event: 'ftevent-',
  checkpoint: 'ftckpt-',
  completion: 'chatcmpl-',
} as const

export type IdKind = keyof typeof ID_PREFIXES

/** Returns the id as OpenAI's API shows it. */
export const toOpenaiId = (kind: IdKind, id: string): string => `${ID_PREFIXES[kind]}${id}`

/** Returns the id without its prefix; a name is returned unchanged. */
export function fromOpenaiId(kind: IdKind, idOrName: string): string {
  const id = idOrName.slice(ID_PREFIXES[kind].length)
  return idOrName.startsWith(ID_PREFIXES[kind]) && isUuid(id) ? id : idOrName
}

export const toEventId = (trainingId: string, number: number): string => toOpenaiId('event', `${trainingId}-${number}`)

/** Returns the number of an event from its id, or undefined if it is not the id of an event. */
export function parseEventNumber(eventId: string): number | undefined {
  const number = /^ftevent-.*-(\d+)$/.exec(eventId)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Returns the whole seconds since 1970, as OpenAI's API gives times. */
export const toUnixSeconds = (time: string): number => Math.floor(Date.parse(time) / 1000)
