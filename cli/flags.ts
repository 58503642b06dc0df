import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import type { z } from 'zod'
import { type ErrorDetail, fail } from '../core/errors.ts'

/** Fields of a schema in snake_case. Their flags have the same names in kebab-case. */
export type Fields = Readonly<Record<string, z.ZodType>>

interface Parsed {
  values: Record<string, unknown>
  positionals: string[]
}

/**
 * Parses flags by the types of their schemas: numbers, lists `q,v`, pairs `negative=worst,positive=excellent`,
 * booleans.
 * A value that is not a number or not a pair stays text, so that the schema reports it.
 * @throws GraftError `usage` for an unknown flag, one without a value or with two, or an unexpected argument
 */
export function parseFlags(
  argv: readonly string[],
  fields: Fields,
  { positionals = false, repeated = [] as readonly string[] } = {},
): Parsed {
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(fields).map(([field, schema]) => [
      flagOf(field),
      { type: kindOf(schema) === 'boolean' ? 'boolean' : 'string', multiple: repeated.includes(field) } as const,
    ]),
  )
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: positionals, strict: true, tokens: true })
    rejectRepeated(parsed.tokens, options)
    const values = Object.entries(parsed.values).map(([flag, value]) => {
      const field = flag.replaceAll('-', '_')
      return [field, repeated.includes(field) ? value : convertValue(value as string | boolean, fields[field])]
    })
    return { values: Object.fromEntries(values), positionals: parsed.positionals }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
    return fail('usage', describeParseError(code, message, Object.keys(fields)))
  }
}

/** @throws GraftError `usage` for a flag that takes one value and is given twice */
function rejectRepeated(tokens: readonly { kind: string; name?: string }[], options: ParseArgsOptionsConfig): void {
  const seen = new Set<string>()
  for (const { kind, name = '' } of tokens) {
    if (kind !== 'option' || options[name]?.type !== 'string' || options[name].multiple) continue
    if (seen.has(name))
      fail('usage', { subject: `--${name}`, problem: 'is given twice', fix: 'Keep one of the two values.' })
    seen.add(name)
  }
}

/** Describes an error of Node's parseArgs. */
function describeParseError(code: string, message: string, fields: readonly string[]): ErrorDetail {
  const subject = /'(-[^' ]+)/.exec(message)?.[1] ?? /'([^']+)'/.exec(message)?.[1] ?? 'the command line'
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const flags = fields.map((field) => `--${flagOf(field)}`)
    const fix = `${suggest(subject, flags)}Add --help to see all flags.`
    return { subject, problem: 'is not a flag of this command', fix }
  }
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return {
      subject,
      problem: 'is an unexpected argument',
      fix: 'This command takes only flags. Add --help to see them.',
    }
  if (message.includes('does not take an argument'))
    return { subject, problem: 'does not take a value', fix: `Write ${subject} without a value.` }
  if (message.includes('ambiguous'))
    return {
      subject,
      problem: 'needs a value, but the next argument starts with a dash',
      fix: `If that is the value, write ${subject}=VALUE.`,
    }
  return { subject, problem: 'needs a value', fix: `Write ${subject} VALUE.` }
}

export const flagOf = (field: string): string => field.replaceAll('_', '-')

/** Returns the description of a schema, or of the schema that a default or an optional wraps, as a sentence. */
export function descriptionOf(schema: z.ZodType): string | undefined {
  const { innerType } = (schema as unknown as { def: { innerType?: z.ZodType } }).def
  const { description } = schema
  if (description === undefined) return innerType && descriptionOf(innerType)
  return description.replace(/^[a-z](?=[a-z]*(?![a-z0-9_]))/, (letter) => letter.toUpperCase()).replace(/\.?$/, '.')
}

type Kind = 'boolean' | 'number' | 'list' | 'pairs' | 'text'

/** Returns the kind of a schema, or of the schema that a default, an optional or a preprocessing step wraps. */
export function kindOf(schema: z.ZodType): Kind {
  const { def } = schema as unknown as {
    def: { type: string; innerType?: z.ZodType; out?: z.ZodType; options?: z.ZodType[]; values?: unknown[] }
  }
  const inner = def.innerType ?? def.out
  if (inner) return kindOf(inner)
  if (def.options) return kindOf(def.options[0])
  if (def.type === 'literal') return typeof def.values?.[0] === 'number' ? 'number' : 'text'
  return (
    ({ boolean: 'boolean', number: 'number', int: 'number', array: 'list', record: 'pairs' } as Record<string, Kind>)[
      def.type
    ] ?? 'text'
  )
}

/** Returns the schema of the values of pairs, inside of a default, an optional or a preprocessing step. */
function valueSchemaOf(schema: z.ZodType): z.ZodType {
  const { def } = schema as unknown as { def: { innerType?: z.ZodType; out?: z.ZodType; valueType?: z.ZodType } }
  const inner = def.innerType ?? def.out
  return inner ? valueSchemaOf(inner) : (def.valueType as z.ZodType)
}

function convertValue(value: string | boolean, schema: z.ZodType): unknown {
  if (typeof value === 'boolean') return value
  switch (kindOf(schema)) {
    case 'number':
      return value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value)
    case 'list':
      return value.split(',')
    case 'pairs': {
      const pairs = value.split(',').map((pair) => /^([^=]+)=(.*)$/s.exec(pair))
      const toValue = (text: string) => convertValue(text, valueSchemaOf(schema))
      return pairs.every((pair) => pair !== null)
        ? Object.fromEntries(pairs.map(([, key, text]) => [key, toValue(text)]))
        : value
    }
    default:
      return value
  }
}

/** Returns "Did you mean …? " with the known name closest to a misspelled one, or an empty text if none is close. */
export function suggest(name: string, known: readonly string[]): string {
  const [closest] = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  return closest && closest.distance <= Math.min(3, name.length / 2) ? `Did you mean ${closest.candidate}? ` : ''
}

/** Returns the edit distance of two texts (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++)
    row = row.reduce<number[]>((next, above, j) => {
      next.push(j === 0 ? i : Math.min(above + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
      return next
    }, [])
  return row[b.length]
}
