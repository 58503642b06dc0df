import type { z } from 'zod'

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  never: 'nothing',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
}

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'a date and time as in RFC 3339',
  url: 'a URL',
  uuid: 'a UUID',
}

/** The nouns of what a size counts, by the type of the value. */
const UNITS: Readonly<Record<string, string>> = { array: 'items', string: 'characters' }

type Issue = z.core.$ZodRawIssue

/**
 * Describes what a schema expects, as a phrase that can follow "expected". Pass it as the `error` of a parse, so that
 * every message is such a phrase. A schema's own message comes before it.
 */
export function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return nameOfType(issue.expected)
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
    case 'too_small':
      return boundOf(issue.origin, issue.minimum, issue.inclusive ? 'at least' : 'more than')
    case 'too_big':
      return boundOf(issue.origin, issue.maximum, issue.inclusive ? 'at most' : 'less than')
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'invalid_format':
      return (
        FORMATS[issue.format] ?? (issue.pattern ? `a text that matches ${issue.pattern}` : 'a text of another form')
      )
    case 'unrecognized_keys':
      return 'only known fields'
    case 'invalid_union':
      return alternativesOf(issue.errors)
    default:
      return 'a valid value'
  }
}

/** The parameter of a parse that words its messages with {@link expectationOf}. */
export const IN_OUR_WORDS = { error: expectationOf }

const nameOfType = (type: string): string => TYPE_NAMES[type] ?? `a ${type}`

function boundOf(type: string, bound: number | bigint, relation: string): string {
  const unit = UNITS[type]
  return unit ? `${nameOfType(type)} of ${relation} ${bound} ${unit}` : `a number that is ${relation} ${bound}`
}

/** Joins what the branches of a union expect. */
function alternativesOf(errors: readonly (readonly { message: string }[])[]): string {
  const phrases = errors.flatMap(([first]) => (first ? [first.message] : []))
  return [...new Set(phrases)].join(', or ') || 'a valid value'
}
