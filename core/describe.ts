// What comes from outside, in messages: in a few words, however long, deep or odd it is.

const SHOWN = 60

/** A value in a few words, however large or deep it is. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return `${value === null ? '' : `the ${typeof value} `}${value}`
}

/** A field's name as it is, or as a JSON text where it is no word. */
export const fieldName = (name: string): string =>
  name.length <= SHOWN && /^[\w.-]+$/.test(name) ? name : describe(name)

/** The schema library's own messages as phrases of what is expected. */
export const phraseOf = (message: string): string =>
  message.replace(/^[^:]*: expected /, '').replace(/, received .*$/, '')
