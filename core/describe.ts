// Formats untrusted input for error messages. The text is short, however long, deep or odd the input is.

const MAX_CHARACTERS = 60
const MAX_JSON_CHARACTERS = 200

/** Describes a value in a few words, such as `"imdb"`, `the number 3` or `a list of 12`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string')
    return JSON.stringify(value.length > MAX_CHARACTERS ? `${value.slice(0, MAX_CHARACTERS)}…` : value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return `${value === null ? '' : `the ${typeof value} `}${value}`
}

/** Returns a field's name as it is, or quoted if it is not a plain word. */
export const formatFieldName = (name: string): string =>
  name.length <= MAX_CHARACTERS && /^[\w.-]+$/.test(name) ? name : describeValue(name)

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
}

/** Returns zod's message as a phrase that can follow "expected". */
export const toExpectation = (message: string): string =>
  message
    .replace(/^[^:]*: expected /, '')
    .replace(/, received .*$/, '')
    .replace(/^(\w+)( to be| to have|$)/, (whole, type, link) =>
      Object.hasOwn(TYPE_NAMES, type) ? TYPE_NAMES[type] + (link === ' to have' ? ' of' : '') : whole,
    )

/** Returns a value as JSON, shortened if it is long, or `nothing` for undefined. */
export function describeJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > MAX_JSON_CHARACTERS ? `${json.slice(0, MAX_JSON_CHARACTERS)}…` : json
}

/** The part of zod's errors that {@link describeIssue} reads. */
interface Issues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
}

/** Returns zod's first complaint about a value: the key, what was expected there, and what was found. */
export function describeIssue({ issues }: Issues, value: unknown): { key: string; expected: string; found: string } {
  const [{ path, message }] = issues
  const found = path.reduce<unknown>((outer, key) => (outer as Record<PropertyKey, unknown> | null)?.[key], value)
  return { key: path.join('.'), expected: toExpectation(message), found: describeJson(found) }
}
