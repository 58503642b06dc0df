import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { predictOnStore } from '../../cli/store/predict-on-store.ts'
import { connectGraft } from '../../client/client.ts'
import { packageRoot } from '../../core/entry.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { writeWordCounter } from '../training/pipeline/word-counter.ts'
import { type Exit, freshHome, startGraft } from './run.ts'

const data = join(packageRoot, 'samples/train.jsonl')
const home = freshHome()
const graft = (args: string[], env: Record<string, string> = {}): Promise<Exit> =>
  startGraft(args, { GRAFT_HOME: home, ...env }).exited
const json = async <T>(args: string[], env?: Record<string, string>): Promise<T> => {
  const { code, stdout, stderr } = await graft([...args, '--json'], env)
  expect(code, stderr + stdout).toBe(0)
  return JSON.parse(stdout) as T
}

beforeAll(async () => {
  const settings = ['--steps', '3', '--calibration-rows', '39']
  const { code, stdout, stderr } = await graft(['train', '--name', 'mine', '--data', data, ...settings])
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(
    /^mine \([-0-9a-f]{36}\): succeeded\n3 steps.*\ntemperature \d.*, fitted to 39 held-out reviews/,
  )
  expect(stderr).toContain('39 reviews are held out')
  expect(stderr).toContain('No server is running')
})

test('if no server is running, the commands open the store themselves, one after the other, and a new store has the adapter of the base', async () => {
  const { data: adapters } = await json<{ data: Adapter[] }>(['adapters'])
  expect(adapters.map(({ name, method }) => [name, method])).toEqual([
    ['mine', 'lora'],
    ['film', 'bottleneck'],
  ])
  expect((await json<Training>(['trainings', 'show', 'mine'])).status).toBe('succeeded')
  const { results } = await json<{ results: unknown[][] }>(['predict', '--adapter', 'mine', 'A joy.', 'Dull.'])
  expect(results).toMatchObject([[{ label: expect.any(String) }], [{ label: expect.any(String) }]])
  const test = join(packageRoot, 'samples/test.jsonl')
  expect(await json(['evaluate', '--adapter', 'mine', '--data', test])).toMatchObject({ n: 90 })
})

test('an export has the trained bytes, and can be imported under another name and removed', async () => {
  const out = freshPath('exported')
  await json(['adapters', 'export', 'mine', '--out', out])
  const [mine, copy] = [
    await json<Adapter>(['adapters', 'show', 'mine']),
    await json<Adapter>(['adapters', 'import', out, '--name', 'copy']),
  ]
  expect([copy.digest, copy.temperature]).toEqual([mine.digest, mine.temperature])
  expect(mine.temperature).not.toBe(1)
  expect(await json(['adapters', 'remove', 'copy'])).toEqual({ removed: 'copy' })
  const gone = await graft(['adapters', 'show', 'copy'])
  expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('expected one of mine, film')])
})

test('adapters of the store are compared with a pipeline, and nothing is stored', async () => {
  const pipeline = writeWordCounter(['NEGATIVE', 'POSITIVE'], { superb: [-1, 1], dull: [1, -1] })
  const test = join(packageRoot, 'samples/test.jsonl')
  const args = ['compare', '--adapter', 'mine', '--adapter', 'film', '--pipeline', pipeline, '--data', test]
  const { adapters, pairs } = await json<Comparison>(args)
  expect(adapters.map(({ name, n }) => [name, n])).toEqual([
    ['mine', 90],
    ['film', 90],
    ['counter', 90],
  ])
  expect(pairs).toHaveLength(3)
  const { code, stderr } = await graft(['compare', '--adapter', 'nobody', '--pipeline', pipeline, '--data', test])
  expect([code, stderr]).toEqual([2, expect.stringContaining('expected one of mine, film')])
})

test('a folder of PEFT, which has no temperature, is imported with temperature 1', async () => {
  const out = freshPath('of-peft')
  await json(['adapters', 'export', 'mine', '--out', out])
  rmSync(join(out, 'graft.json'))
  expect(await json(['adapters', 'import', out, '--name', 'plain'])).toMatchObject({ temperature: 1 })
  await json(['adapters', 'remove', 'plain'])
})

test('Ctrl-C saves the state of a training in this process, and resume ends with the bytes of an uninterrupted training', async () => {
  // Ctrl-C takes effect within a second, and this training lasts for longer on a fast machine, too.
  const settings = ['--data', data, '--steps', '400', '--batch-tokens', '64', '--threads', '2']
  const whole = await json<Training>(['train', '--name', 'whole', ...settings])
  const stopped = startGraft(['train', '--name', 'stopped', ...settings], { GRAFT_HOME: home })
  await stopped.waitFor(/loss/)
  stopped.kill('SIGINT')
  const { code, stderr } = await stopped.exited
  expect([code, stderr]).toEqual([130, expect.stringContaining('graft trainings resume')])
  expect((await json<Training>(['trainings', 'show', 'stopped'])).status).toBe('paused')
  const resumed = await json<Training>(['trainings', 'resume', 'stopped', '--threads', '2'])
  expect(resumed).toMatchObject({ status: 'succeeded', result: { steps: whole.result?.steps } })
  const digest = async (name: string) => (await json<Adapter>(['adapters', 'show', name])).digest
  expect(await digest('stopped')).toBe(await digest('whole'))
})

test('an invalid command is reported before anything is launched', async () => {
  for (const [args, says] of [
    [['train', '--name', 'mine', '--data', data], '"mine" is already taken'],
    [['train', '--name', 'x', '--data', '/nowhere.jsonl'], 'does not exist'],
    [['train', '--name', 'x', '--data', data, '--out', 'x'], '--out'],
    [['train', '--name', 'x', '--data', data, '--rnak', '4'], 'Did you mean --rank'],
    [['train', '--name', 'x', '--data', data, '--rank', '0'], 'a whole number from 1 to 4096'],
    [['adapters', 'show'], 'the name of an adapter'],
    [['predict', '--adapter', 'nothing', 'A joy.'], 'nothing'],
  ] as const) {
    const { code, stderr } = await graft([...args])
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)])
  }
  const { data: trainings } = await json<{ data: Training[] }>(['trainings'])
  expect(trainings.map(({ name }) => name)).not.toContain('x')
})

test('while a server has the store open, the commands use the server, with a key once one exists', async () => {
  const server = startGraft(['serve', '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
  await server.waitFor(/http:\S+\n/)
  const { code, stderr } = await graft(['train', '--name', 'served', '--data', data, '--steps', '3'])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain(server.stdout.trim())
  // A request has at most 8 explanations, but a command line may name any number of adapters.
  const api = connectGraft({ url: server.stdout.trim() })
  const archive = await (await api.adapters.download('film')).blob()
  const copies = ['c1', 'c2', 'c3', 'c4']
  for (const name of copies) await api.adapters.upload(name, archive)
  const nine = ['served', 'stopped', 'whole', 'mine', 'film', ...copies]
  const flags = nine.flatMap((name) => ['--adapter', name])
  const explained = await json<Awaited<ReturnType<typeof predictOnStore>>>(['predict', ...flags, '--explain', 'A joy.'])
  expect(explained.adapters.map(({ adapter }) => adapter)).toEqual(nine)
  for (const { adapter, digest } of explained.adapters) expect(digest).toBe((await api.adapters.get(adapter)).digest)
  const [results] = explained.results
  expect(results).toHaveLength(9)
  for (const result of results) expect(result).toMatchObject({ explanation: { words: { length: 3 } } })
  // The copies answer as film does, so the answers are in the order of the adapters.
  const scores = results.map((result) => ('score' in result ? result.score : 0))
  for (const score of scores.slice(5)) expect(score).toBeCloseTo(scores[4], 5)
  const { secret } = await json<{ secret: string }>(['key', 'create', '--name', 'me'])
  // The server checks again for keys after some seconds.
  await new Promise((resolve) => setTimeout(resolve, 3500))
  const refused = await graft(['adapters'])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('graft key create')])
  const { data: adapters } = await json<{ data: Adapter[] }>(['adapters'], { GRAFT_API_KEY: secret })
  expect(adapters.map(({ name }) => name)).toEqual([
    ...copies.toReversed(),
    'served',
    'stopped',
    'whole',
    'mine',
    'film',
  ])
  server.kill('SIGTERM')
  expect((await server.exited).code).toBe(0)
  // The server removed the file with its address.
  expect((await json<{ data: Adapter[] }>(['adapters'])).data).toHaveLength(nine.length)
})
