import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { type Exit, freshHome, type GraftProcess, startGraft } from './run.ts'

const home = freshHome()
let server: GraftProcess
const graft = (args: string[]): Promise<Exit> => startGraft(args, { GRAFT_HOME: home }).exited
const json = async <T>(...args: string[]): Promise<T> => {
  const { code, stdout, stderr } = await graft([...args, '--json'])
  expect(code, stderr + stdout).toBe(0)
  return JSON.parse(stdout) as T
}

beforeAll(async () => {
  server = startGraft(['serve', '--port', '0'], { GRAFT_HOME: home })
  await server.waitFor(/http:\S+\n/)
  const folder = await saveRandomAdapter('first', { method: 'lora', rank: 4 }, 0.05)
  await json('adapters', 'import', folder, '--name', 'first')
  // The same weights: both adapters are right and wrong on the same reviews.
  await json('adapters', 'import', folder, '--name', 'rival')
  await json('datasets', 'add', join(packageRoot, 'samples/test.jsonl'), '--name', 'judge')
})
afterAll(async () => {
  server.kill('SIGTERM')
  await server.exited
})

test('an alias moves to an adapter if the comparison allows it, and a guard says why it refuses a move', async () => {
  expect(await json('aliases', 'set', 'production', 'first', '--guard', '--margin', '2')).toMatchObject({
    adapter: { name: 'first' },
    guard: { margin: 0.02 },
  })
  expect(await json('predict', '--adapter', 'production', 'A joy.')).toMatchObject({ results: [[{ tokens: 4 }]] })

  // 90 reviews cannot rule out a loss of two points.
  const { code, stderr } = await graft(['aliases', 'set', 'production', 'rival', '--dataset', 'judge'])
  expect([code, stderr]).toEqual([2, expect.stringContaining('The alias cannot be moved to this adapter.')])
  expect(stderr).toContain('cannot tell')
  expect(stderr).toMatch(/found a difference of 0 points, 95 % interval -[\d.]+ to \+[\d.]+, on 90 reviews/)

  await json('aliases', 'set', 'production', 'first', '--margin', '5')
  expect(await json('aliases', 'set', 'production', 'rival', '--dataset', 'judge')).toMatchObject({
    adapter: { name: 'rival' },
  })
  const { stdout } = await graft(['aliases', 'history', 'production'])
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1, 3))).toEqual([
    ['from', 'to'],
    ['first', 'rival'],
    ['first', 'first'],
    ['-', 'first'],
    [],
  ])
  expect((await graft(['aliases'])).stdout).toMatch(/production +rival +[0-9a-f]{12} +5 points/)
  expect((await graft(['adapters', 'remove', 'rival'])).stderr).toContain('while the alias')
  expect(await json('aliases', 'remove', 'production')).toEqual({ removed: 'production' })
  expect(await json('adapters', 'remove', 'rival')).toEqual({ removed: 'rival' })
  expect(await json('datasets', 'remove', 'judge')).toEqual({ removed: 'judge' })
})

test('missing arguments, unknown aliases and unknown subcommands are reported', async () => {
  for (const [args, says] of [
    [['set', 'production'], 'the name of an alias and the name of an adapter'],
    [['show', 'nothing'], 'No such alias'],
    [['point'], 'list, show, set, history, remove'],
  ] as const) {
    const { code, stderr } = await graft(['aliases', ...args])
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)])
  }
})
