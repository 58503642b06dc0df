import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshHome, type Running, started } from '../cli/run.ts'
import { connected, type Revision, type Where } from './agents.ts'
import { taskAgent } from './task-agent.ts'
import { asMarkdown, masked, type Story, tellStory } from './tell-story.ts'

// GRAFT_HOME of a server, and of none.
const [served, alone] = [freshHome(), freshHome()]
const main = join(packageRoot, 'dist/cli/main.js')
let server: Running
let url: string

async function addFilms(home: string): Promise<void> {
  for (const [name, file] of [['films', 'train'] as const, ['films-test', 'test'] as const]) {
    const add = started(['datasets', 'add', join(packageRoot, `samples/${file}.jsonl`), '--name', name], {
      GRAFT_HOME: home,
    })
    const { code, stderr } = await add.ended
    expect(code, stderr).toBe(0)
  }
}

beforeAll(async () => {
  server = started(['serve', '--port', '0', '--threads', '2'], { GRAFT_HOME: served })
  await server.says(/http:\S+\n/)
  url = server.stdout.trim()
  await Promise.all([addFilms(served), addFilms(alone)])
})
afterAll(async () => {
  server.kill('SIGTERM')
  const { code, stderr } = await server.ended
  expect(code, stderr).toBe(0)
})

const stdio = (home: string): Where => ({
  command: process.execPath,
  args: [main, 'mcp', '--threads', '2'],
  env: { ...(process.env as Record<string, string>), GRAFT_HOME: home, DATABASE_URL: '' },
  stderr: 'ignore',
})

async function story(
  revision: Revision,
  where: Where,
  name: string,
  settings: Record<string, unknown> = { steps: 4, max_tokens: 64 },
): Promise<Story> {
  const agent = await connected(revision, where)
  const told = await tellStory(agent.call, name, settings)
  await agent.close()
  return told
}

function check({ chapters, progress }: Story, name: string): void {
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
  ['2026-07-28', 'stdio, with the store of its own', 'newer-stdio'],
] as const)('the official client of %s tells the whole story over %s', async (revision, way, name) => {
  const where = way === 'HTTP' ? { url } : stdio(way.includes('own') ? alone : served)
  check(await story(revision, where, name), name)
})

test('a client that takes tasks launches and compares, and hears the end of each from its task', async () => {
  const agent = taskAgent({ url })
  const settings = { dataset: 'films', test_dataset: 'films-test', rank: 2, steps: 4, max_tokens: 64 }
  const training = await agent.callTool('launch_training', { ...settings, name: 'tasked', idempotency_key: 'tasked' })
  expect(await training.result()).toMatchObject({
    status: 'completed',
    result: {
      content: [{ text: expect.stringMatching(/^Training tasked has succeeded\. Accuracy /) }],
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

// With the client of 2026-07-28 over HTTP, which the next test is, each client has told it over each way.
test('docs/mcp.md holds the story as the client of 2026-07-28 tells it over HTTP now; UPDATE_DOCS=1 writes it anew', async () => {
  const told = await story('2026-07-28', { url }, 'film-lora', { epochs: 8, batch_tokens: 1024, device: 'cpu' })
  check(told, 'film-lora')
  const path = join(packageRoot, 'docs/mcp.md')
  const document = readFileSync(path, 'utf8')
  const [before, after] = ['<!-- story -->\n', '<!-- end of story -->']
  const [start, end] = [document.indexOf(before) + before.length, document.indexOf(after)]
  const markdown = `\n${asMarkdown(told)}\n`
  if (process.env.UPDATE_DOCS) writeFileSync(path, document.slice(0, start) + markdown + document.slice(end))
  else expect(masked(document.slice(start, end))).toBe(masked(markdown))
  // Two trainings at full length, on a machine that may be busy.
}, 180_000)
