import { isUuid } from '../../core/uuid.ts'

/** What OpenAI's ids begin with, by what they name. */
const prefixes = {
  file: 'file-',
  job: 'ftjob-',
  event: 'ftevent-',
  checkpoint: 'ftckpt-',
  completion: 'chatcmpl-',
} as const

export const idOf = (kind: keyof typeof prefixes, id: string): string => `${prefixes[kind]}${id}`

/** What the use cases call it: the id without what it begins with, or a name as it is. */
export function referenceOf(kind: keyof typeof prefixes, given: string): string {
  const id = given.slice(prefixes[kind].length)
  return given.startsWith(prefixes[kind]) && isUuid(id) ? id : given
}

/** The number of an event of a training. */
export const eventId = (training: string, number: number): string => idOf('event', `${training}-${number}`)

/** The number in the id of an event; undefined where it is no id of one. */
export function eventNumber(given: string): number | undefined {
  const number = /^ftevent-.*-(\d+)$/.exec(given)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Seconds since 1970, as OpenAI tells times. */
export const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000)
