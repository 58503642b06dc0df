import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { type Exit, type GraftProcess, startGraft, watchProcess } from '../cli/run.ts'

const samples = ['samples/train.jsonl', 'samples/test.jsonl']

let server: GraftProcess
let url: string
/** The output of examples/train.ts. */
let trained: string[]
beforeAll(async () => {
  server = startGraft(['serve', '--port', '0', '--threads', '2'])
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
  trained = await linesOf('train.ts', ...samples, 'first')
})
afterAll(async () => {
  server.kill('SIGTERM')
  expect((await server.exited).code).toBe(0)
})

/** Runs an example as a user does. */
function runExample(file: string, ...args: string[]): Promise<Exit> {
  const env = { ...process.env, GRAFT_URL: url, EPOCHS: '1' }
  const options = { cwd: packageRoot, env }
  return watchProcess(spawn(process.execPath, [join('examples', file), ...args], options)).exited
}

/** Runs an example that must succeed, and returns the lines that it prints. */
async function linesOf(file: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(file, ...args)
  expect(code, stderr).toBe(0)
  return stdout.trim().split('\n')
}

test('examples/train.ts follows a training to its end', () => {
  expect(trained.slice(0, 2)).toEqual(['queued', 'running'])
  expect(trained).toContainEqual(expect.stringMatching(/^step \d+ of \d+, loss \d+\.\d{3}$/))
  expect(trained.at(-2)).toBe('succeeded')
  expect(trained.at(-1)).toMatch(/^accuracy \d+\.\d %$/)
})

test('examples/classify.ts prints the label and the score of each text', async () => {
  expect(await linesOf('classify.ts', 'first')).toEqual([
    expect.stringMatching(/^(?:posi|nega)tive \d+\.\d % {2}A joy from start to finish\.$/),
    expect.stringMatching(/^(?:posi|nega)tive \d+\.\d % {2}Two hours I want back\.$/),
  ])
})

test('examples/mcp-client.ts prints the tools and the result of a call', async () => {
  const [tools, result] = await linesOf('mcp-client.ts', 'first')
  expect(tools).toMatch(/^tools: .*\bclassify_reviews\b/)
  expect(JSON.parse(result)).toMatchObject({ adapter: 'first', results: [{ label: expect.any(String) }] })
})

test('examples/compare.ts prints the accuracies of two adapters and the verdict', async () => {
  await linesOf('train.ts', ...samples, 'second')
  expect(await linesOf('compare.ts', 'first', 'second', 'first-test')).toEqual([
    expect.stringMatching(/^first: \d+\.\d %, 95 % interval \d+\.\d % to \d+\.\d %$/),
    expect.stringMatching(/^second: \d+\.\d %, 95 % interval \d+\.\d % to \d+\.\d %$/),
    // Both trainings had the same data, settings and seed.
    expect.stringMatching(/^cannot tell: /),
  ])
})

test('examples/custom-method.ts trains a method that Graft does not have', async () => {
  const [plan, before, after] = await linesOf('custom-method.ts')
  expect(plan).toMatch(/^rescale trains \d+ of \d+ parameters in \d+ steps$/)
  expect(before).toMatch(/^before: accuracy \d+\.\d %$/)
  expect(after).toMatch(/^after: {2}accuracy \d+\.\d %$/)
})

test.each(['classify.ts', 'mcp-client.ts'])('examples/%s exits with the reason of a failure', async (file) => {
  const { code, stderr } = await runExample(file, 'nobody')
  expect(code).toBe(1)
  expect(stderr).toContain('"nobody"')
})
