import type { z } from 'zod'
import type { Command } from './command.ts'
import { descriptionOf, flagOf, kindOf } from './flags.ts'

export function overview(commands: Readonly<Record<string, Command>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  return [
    'Graft: tune small adapters on a frozen T5 and serve them, where it trains.',
    '',
    'graft COMMAND [flags]',
    '',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'graft COMMAND --help tells more. Results go to stdout, progress to stderr.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted with the state saved.',
    '',
  ].join('\n')
}

export function helpOf({ summary, usage, about, examples, flags, repeated = [] }: Command): string {
  const groups = Object.entries(flags)
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .flatMap(([heading, fields]) => [
      '',
      `${heading}:`,
      ...Object.entries(fields).flatMap(([field, schema]) => flagLine(field, schema, repeated.includes(field))),
    ])
  return [
    summary,
    '',
    `  graft ${usage}`,
    ...(about ? ['', about] : []),
    ...groups,
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
    '',
  ].join('\n')
}

const COLUMN = 30

function flagLine(field: string, schema: z.ZodType, repeated: boolean): string[] {
  const shown = { boolean: '', number: ' N', list: ' A,B', pairs: ' K=V,K=V', text: ' X' }[
    repeated ? 'text' : kindOf(schema)
  ]
  const flag = `  --${flagOf(field)}${choices(schema) ? ` ${choices(schema)}` : shown}`
  const standard = defaultOf(schema)
  const text = `${descriptionOf(schema) ?? ''}${isNone(standard) ? '' : ` (${Array.isArray(standard) ? standard.join(',') : standard})`}`
  return flag.length < COLUMN ? [`${flag.padEnd(COLUMN)}${text.trim()}`] : [flag, `${' '.repeat(COLUMN)}${text.trim()}`]
}

/** What needs no saying. */
const isNone = (standard: unknown): boolean =>
  standard === undefined || standard === false || (Array.isArray(standard) && standard.length === 0)

interface Definition {
  type: string
  innerType?: z.ZodType
  entries?: Record<string, string>
  defaultValue?: unknown
}

const definition = (schema: z.ZodType): Definition => (schema as unknown as { def: Definition }).def

function choices(schema: z.ZodType): string | undefined {
  const { innerType, entries } = definition(schema)
  return innerType ? choices(innerType) : entries && Object.values(entries).join('|')
}

function defaultOf(schema: z.ZodType): unknown {
  const { type, innerType, defaultValue } = definition(schema)
  return type === 'default' ? defaultValue : innerType && defaultOf(innerType)
}
