import type { z } from 'zod'
import type { Command } from './command.ts'
import { descriptionOf, flagOf, kindOf } from './flags.ts'

export function formatOverview(commands: Readonly<Record<string, Command>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  return [
    'Graft trains small adapters on a frozen T5 model and serves them.',
    '',
    'Usage:',
    '  graft COMMAND [flags]',
    '',
    'Commands:',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Run graft help COMMAND for details, and graft --version for the version. graft completion SHELL prints',
    'a script that completes commands and flags in bash, zsh or fish. Results go to stdout, progress to stderr.',
    'Exit codes: 0 success, 1 failure, 2 invalid usage or input, 130 interrupted with the state saved.',
    '',
  ].join('\n')
}

export function formatHelp({ summary, usage, about, examples, flags, repeated = [] }: Command): string {
  const groups = Object.entries(flags)
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .flatMap(([heading, fields]) => [
      '',
      `${heading}:`,
      ...Object.entries(fields).flatMap(([field, schema]) => formatFlag(field, schema, repeated.includes(field))),
    ])
  return [
    summary,
    '',
    'Usage:',
    `  graft ${usage}`,
    ...(about ? ['', about] : []),
    ...groups,
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
    '',
  ].join('\n')
}

const DESCRIPTION_COLUMN = 30

function formatFlag(field: string, schema: z.ZodType, repeated: boolean): string[] {
  const placeholder = { boolean: '', number: ' N', list: ' A,B', pairs: ' K=V,K=V', text: ' VALUE' }[
    repeated ? 'text' : kindOf(schema)
  ]
  const choices = choicesOf(schema)
  const flag = `  --${flagOf(field)}${choices ? ` ${choices.join('|')}` : placeholder}`
  const value = defaultOf(schema)
  const text = `${descriptionOf(schema) ?? ''}${isImplicit(value) ? '' : ` (default: ${Array.isArray(value) ? value.join(',') : value})`}`
  return flag.length < DESCRIPTION_COLUMN - 1
    ? [`${flag.padEnd(DESCRIPTION_COLUMN)}${text.trim()}`]
    : [flag, `${' '.repeat(DESCRIPTION_COLUMN)}${text.trim()}`]
}

/** Returns true for a default that the help need not show. */
const isImplicit = (value: unknown): boolean =>
  value === undefined || value === false || (Array.isArray(value) && value.length === 0)

interface Definition {
  type: string
  innerType?: z.ZodType
  entries?: Record<string, string>
  defaultValue?: unknown
}

const definitionOf = (schema: z.ZodType): Definition => (schema as unknown as { def: Definition }).def

/** Returns the values of a flag that takes one of a few. */
export function choicesOf(schema: z.ZodType): string[] | undefined {
  const { innerType, entries } = definitionOf(schema)
  return innerType ? choicesOf(innerType) : entries && Object.values(entries)
}

function defaultOf(schema: z.ZodType): unknown {
  const { type, innerType, defaultValue } = definitionOf(schema)
  return type === 'default' ? defaultValue : innerType && defaultOf(innerType)
}
