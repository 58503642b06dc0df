import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshHome, type GraftProcess, startGraft } from '../cli/run.ts'
import { NODE_FLAGS } from '../node-flags.ts'
import { connectAgent, type Endpoint, type Revision } from './agents.ts'
import { maskVolatile, runStory, type Story, toMarkdown } from './run-story.ts'
import { connectTaskAgent } from './task-agent.ts'

// GRAFT_HOME with a server, and without one.
const [servedHome, localHome] = [freshHome(), freshHome()]
const main = join(packageRoot, 'dist/cli/main.js')
let server: GraftProcess
let url: string

async function addFilms(home: string): Promise<void> {
  for (const [name, file] of [['films', 'train'] as const, ['films-test', 'test'] as const]) {
    const add = startGraft(['datasets', 'add', join(packageRoot, `samples/${file}.jsonl`), '--name', name], {
      GRAFT_HOME: home,
    })
    const { code, stderr } = await add.exited
    expect(code, stderr).toBe(0)
  }
}

beforeAll(async () => {
  server = startGraft(['serve', '--port', '0', '--threads', '2'], { GRAFT_HOME: servedHome })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
  await Promise.all([addFilms(servedHome), addFilms(localHome)])
})
afterAll(async () => {
  server.kill('SIGTERM')
  const { code, stderr } = await server.exited
  expect(code, stderr).toBe(0)
})

const stdio = (home: string): Endpoint => ({
  command: process.execPath,
  args: [...NODE_FLAGS, main, 'mcp', '--threads', '2'],
  env: { ...(process.env as Record<string, string>), GRAFT_HOME: home, DATABASE_URL: '' },
  stderr: 'ignore',
})

async function tellStory(
  revision: Revision,
  endpoint: Endpoint,
  name: string,
  settings: Record<string, unknown> = { steps: 4, max_tokens: 64 },
): Promise<Story> {
  const agent = await connectAgent(revision, endpoint)
  const story = await runStory(agent.call, name, settings)
  await agent.close()
  return story
}

function checkStory({ chapters, progress }: Story, name: string): void {
  const [data, plan, launched, again, other, waited, classified, , , compared, adapters, counted, wrong] = chapters.map(
    ({ answer }) => answer,
  )
  expect(data.structuredContent).toMatchObject({
    data: [
      { name: 'films-test', rows: 90 },
      { name: 'films', rows: 390 },
    ],
  })
  expect(plan.structuredContent).toMatchObject({ plan: { method: 'lora', trainable: 32_768 } })
  expect(plan.structuredContent).not.toHaveProperty('training')
  expect(launched.structuredContent).toMatchObject({ training: { name } })
  const id = ({ structuredContent }: typeof launched) => (structuredContent as { training: { id: string } }).training.id
  expect(id(again)).toBe(id(launched))
  expect(other.isError).toBe(true)
  expect(other.text).toMatch(/^idempotency_conflict: /)
  expect(waited.structuredContent).toMatchObject({
    training: { id: id(launched), status: 'succeeded', result: { metrics: { n: 90 } } },
  })
  expect(progress.every(({ progress, total }) => progress <= (total as number))).toBe(true)
  const { results } = classified.structuredContent as { results: { label: string }[] }
  expect(results.map(({ label }) => ['positive', 'negative'].includes(label))).toEqual([true, true])
  const comparison = { status: 'succeeded', result: { n: 90, adapters: [{ name }, { name: `${name}-1` }] } }
  expect(compared.structuredContent).toMatchObject({ comparison })
  expect(compared.text).toMatch(/cannot tell|better/)
  expect(adapters.structuredContent).toMatchObject({ data: [{ name: `${name}-1`, trainable: 4096 }] })
  expect(counted.structuredContent).toMatchObject({ trainable: 294_912, total: 60_801_536 })
  expect(wrong.isError).toBe(true)
}

test.each([
  ['2025-11-25', 'HTTP', 'older-http'],
  ['2025-11-25', 'stdio, to a server', 'older-stdio'],
  ['2026-07-28', 'stdio, with its own store', 'newer-stdio'],
] as const)('the official client of %s runs the whole story over %s', async (revision, way, name) => {
  const endpoint = way === 'HTTP' ? { url } : stdio(way.includes('own') ? localHome : servedHome)
  checkStory(await tellStory(revision, endpoint, name), name)
})

test('a client that accepts tasks launches and compares, and gets the result of each from its task', async () => {
  const agent = connectTaskAgent({ url })
  const settings = { dataset: 'films', test_dataset: 'films-test', rank: 2, steps: 4, max_tokens: 64 }
  const training = await agent.callTool('launch_training', { ...settings, name: 'tasked', idempotency_key: 'tasked' })
  expect(await training.result()).toMatchObject({
    status: 'completed',
    result: {
      content: [{ text: expect.stringMatching(/^Training tasked succeeded\. Accuracy /) }],
      structuredContent: {
        training: { id: training.handle?.taskId, status: 'succeeded', result: { metrics: { n: 90 } } },
      },
    },
  })
  const comparison = await agent.callTool('compare_adapters', {
    adapters: ['tasked', 'older-http'],
    dataset: 'films-test',
  })
  expect(await comparison.result()).toMatchObject({
    status: 'completed',
    result: { structuredContent: { comparison: { id: comparison.handle?.taskId, result: { n: 90 } } } },
  })
})

// The next test covers the client of 2026-07-28 over HTTP. Then each client has run the story over each transport.
test('docs/mcp.md has the current transcript of the client of 2026-07-28 over HTTP; UPDATE_DOCS=1 rewrites it', async () => {
  const story = await tellStory('2026-07-28', { url }, 'film-lora', { epochs: 4, batch_tokens: 1024, device: 'cpu' })
  checkStory(story, 'film-lora')
  const path = join(packageRoot, 'docs/mcp.md')
  const document = readFileSync(path, 'utf8')
  const [before, after] = ['<!-- story -->\n', '<!-- end of story -->']
  const [start, end] = [document.indexOf(before) + before.length, document.indexOf(after)]
  const markdown = `\n${toMarkdown(story)}\n`
  if (process.env.UPDATE_DOCS) writeFileSync(path, document.slice(0, start) + markdown + document.slice(end))
  else expect(maskVolatile(document.slice(start, end))).toBe(maskVolatile(markdown))
  // Two full trainings, on a machine that may be busy.
}, 180_000)
