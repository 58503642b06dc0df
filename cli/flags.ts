import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import type { z } from 'zod'
import { type ErrorDetail, fail } from '../core/errors.ts'

/** The fields of a schema in snake_case; their flags are the same in kebab-case. */
export type Fields = Readonly<Record<string, z.ZodType>>

interface Parsed {
  values: Record<string, unknown>
  positionals: string[]
}

/**
 * Reads flags by the schema's types: numbers, lists `q,v`, pairs `negative=worst,positive=excellent`, switches. What is no number or no
 * pair stays text, so that the schema's own check reports it.
 * @throws GraftError `usage` for an unknown flag, one without its value, or a stray word
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
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: positionals, strict: true })
    const values = Object.entries(parsed.values).map(([flag, value]) => {
      const field = flag.replaceAll('-', '_')
      return [field, repeated.includes(field) ? value : convert(value as string | boolean, fields[field])]
    })
    return { values: Object.fromEntries(values), positionals: parsed.positionals }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
    return fail('usage', misread(code, message, Object.keys(fields)))
  }
}

/** What is wrong with a command line, from Node's words. */
function misread(code: string, message: string, fields: readonly string[]): ErrorDetail {
  const subject = /'(-[^' ]+)/.exec(message)?.[1] ?? /'([^']+)'/.exec(message)?.[1] ?? 'the command line'
  const fix = 'Add --help to see the flags.'
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = nearest(
      subject,
      fields.map((field) => `--${flagOf(field)}`),
    )
    return { subject, expected: `a flag of this command${near}`, found: 'an unknown one', fix }
  }
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return { subject, expected: 'flags alone', found: 'a word without a flag', fix }
  if (message.includes('does not take an argument'))
    return { subject, expected: 'no value: it is a switch', found: 'a value', fix: `Write ${subject} alone.` }
  const dashed = message.includes('ambiguous')
  return {
    subject,
    expected: 'a value for this flag',
    found: dashed ? 'what begins with a dash, as a flag does' : 'nothing',
    fix: dashed ? `Write ${subject}=VALUE where the value begins with a dash.` : `Write ${subject} VALUE.`,
  }
}

export const flagOf = (field: string): string => field.replaceAll('_', '-')

/** What a schema says of itself, beneath defaults and options. */
export function descriptionOf(schema: z.ZodType): string | undefined {
  const { innerType } = (schema as unknown as { def: { innerType?: z.ZodType } }).def
  return schema.description ?? (innerType && descriptionOf(innerType))
}

type Kind = 'boolean' | 'number' | 'list' | 'pairs' | 'text'

/** The type beneath defaults and options. */
export function kindOf(schema: z.ZodType): Kind {
  const { def } = schema as unknown as {
    def: { type: string; innerType?: z.ZodType; options?: z.ZodType[]; values?: unknown[] }
  }
  if (def.innerType) return kindOf(def.innerType)
  if (def.options) return kindOf(def.options[0])
  if (def.type === 'literal') return typeof def.values?.[0] === 'number' ? 'number' : 'text'
  return (
    ({ boolean: 'boolean', number: 'number', int: 'number', array: 'list', record: 'pairs' } as Record<string, Kind>)[
      def.type
    ] ?? 'text'
  )
}

function convert(value: string | boolean, schema: z.ZodType): unknown {
  if (typeof value === 'boolean') return value
  switch (kindOf(schema)) {
    case 'number':
      return value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value)
    case 'list':
      return value.split(',')
    case 'pairs': {
      const pairs = value.split(',').map((pair) => /^([^=]+)=(.*)$/s.exec(pair))
      return pairs.every((pair) => pair !== null) ? Object.fromEntries(pairs.map(([, key, of]) => [key, of])) : value
    }
    default:
      return value
  }
}

/** The known name that shares most with a misspelt one, as the end of a sentence; nothing where none is near. */
export function nearest(flag: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(flag, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return near && near.distance <= 3 ? `; did you mean ${near.candidate}?` : ''
}

/** Levenshtein 1966. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++)
    row = row.reduce<number[]>((next, above, j) => {
      next.push(j === 0 ? i : Math.min(above + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
      return next
    }, [])
  return row[b.length]
}
