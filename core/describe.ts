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

/** Returns a value as JSON, shortened if it is long, or `nothing` for undefined. */
export function describeJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > MAX_JSON_CHARACTERS ? `${json.slice(0, MAX_JSON_CHARACTERS)}…` : json
}

/** The part of the error of a parse that {@link describeIssue} reads. The parse used `IN_OUR_WORDS`. */
interface Issues {
  readonly issues: readonly {
    readonly path: readonly PropertyKey[]
    readonly message: string
    /** The fields that an object must not have. */
    readonly keys?: readonly string[]
  }[]
}

/** Returns the first fault of a value: the key, what was expected there, and what was found. */
export function describeIssue({ issues }: Issues, value: unknown): { key: string; expected: string; found: string } {
  const [{ path, message, keys }] = issues
  if (keys) return { key: path.join('.'), expected: message, found: keys.map(formatFieldName).join(', ') }
  const found = path.reduce<unknown>((outer, key) => (outer as Record<PropertyKey, unknown> | null)?.[key], value)
  return { key: path.join('.'), expected: message, found: describeJson(found) }
}
