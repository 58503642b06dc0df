import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Command } from '../../cli/command.ts'
import { descriptionOf, flagOf } from '../../cli/flags.ts'
import { formatHelp } from '../../cli/help.ts'
import { packageRoot } from '../../core/entry.ts'
import { graft } from './run.ts'

const folder = join(packageRoot, 'cli/commands')
const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''))
const commands: [string, Command][] = await Promise.all(
  names.map(async (name): Promise<[string, Command]> => [name, (await import(join(folder, `${name}.ts`)))[name]]),
)

test('graft --help lists every command with its summary, and the exit codes', async () => {
  const { code, stdout, stderr } = await graft('--help')
  expect(code).toBe(0)
  expect(stderr).toBe('')
  const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  for (const [name, { summary }] of commands) expect(lines).toContainEqual([name, summary])
  expect(stdout.match(/^ {2}\w+ {2}/gm)).toHaveLength(names.length)
  for (const exit of [0, 1, 2, 130]) expect(stdout).toMatch(new RegExp(`\\b${exit} [a-z]`))
})

test('graft without arguments and graft help print the same as graft --help', async () => {
  const [bare, help, flag] = await Promise.all([graft(), graft('help'), graft('--help')])
  expect(bare).toEqual(flag)
  expect(help).toEqual(flag)
})

test('the help of a command goes to stdout, whatever else is on the command line, and lists the common flags', async () => {
  const { code, stdout, stderr } = await graft('predict', '--nonsense', '--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('graft predict (--checkpoint DIR')
  for (const flag of ['--json', '--help', '--checkpoint', '--data']) expect(stdout).toContain(`  ${flag} `)
})

describe.each(commands)('graft %s --help', (name, command) => {
  const help = formatHelp(command)
  const fields = Object.values(command.flags).flatMap(Object.entries)

  test('lists every flag once in each group that has it, with its description', () => {
    for (const [field, schema] of fields) {
      const flag = `--${flagOf(field)}`
      const lines = help.split('\n').filter((line) => line.trimStart().split(' ')[0] === flag)
      const groups = Object.values(command.flags).filter((group) => Object.hasOwn(group, field))
      expect(lines, flag).toHaveLength(groups.length)
      expect(descriptionOf(schema), flag).toBeTruthy()
      expect(help, flag).toContain(descriptionOf(schema))
    }
  })

  test('mentions no flag that the command does not take', () => {
    const known = [...fields.map(([field]) => `--${flagOf(field)}`), '--json', '--help']
    for (const flag of help.match(/--[a-z][a-z-]*/g) ?? []) expect(known).toContain(flag)
  })

  test('shows the usage and examples', () => {
    expect(help).toContain(`  graft ${name}`)
    expect(command.examples.length).toBeGreaterThan(0)
    expect(command.examples.some((example) => example.startsWith(`graft ${name}`))).toBe(true)
  })

  test('has no empty heading', () => {
    expect(help).not.toMatch(/:\n\n/)
    expect(help).not.toContain('undefined')
  })
})

test('a repeated flag is shown with one value, a list with commas, and a default at the end', () => {
  const help = (name: string) => formatHelp(commands.find(([known]) => known === name)?.[1] as Command)
  expect(help('serve')).toMatch(/--checkpoint VALUE /)
  expect(help('train')).toMatch(/--targets A,B /)
  expect(help('train')).toMatch(/--truncation-side left\|right\|middle\n +.*\(default: left\)/)
})
