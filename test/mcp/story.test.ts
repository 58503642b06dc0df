import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshHome, type GraftProcess, startGraft, stopServer } from '../cli/run.ts'
import { NODE_FLAGS } from '../node-flags.ts'
import { type Answer, connectAgent, type Endpoint, type Revision } from './agents.ts'
import { type CallTool, maskVolatile, runStory, type Story, type StoryOptions, toMarkdown } from './run-story.ts'
import { connectTaskAgent } from './task-agent.ts'

const main = join(packageRoot, 'bin/graft.cjs')
let server: GraftProcess
let url: string

beforeAll(async () => {
  server = startGraft(['serve', '--port', '0', '--threads', '2'], { GRAFT_HOME: freshHome() })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
})
afterAll(() => stopServer(server))

const stdio = (home: string): Endpoint => ({
  command: process.execPath,
  args: [...NODE_FLAGS, main, 'mcp', '--threads', '2'],
  env: { ...(process.env as Record<string, string>), GRAFT_HOME: home, DATABASE_URL: '' },
  cwd: packageRoot,
  stderr: 'ignore',
})

/** Connects a client that shows its model only the content of results. Its calls return what that says. */
async function connectReader(revision: Revision, endpoint: Endpoint): Promise<CallTool> {
  const agent = await connectAgent(revision, endpoint)
  return async (tool, args, onprogress): Promise<Answer> => {
    const { text, isError } = await agent.call(tool, args, onprogress)
    const structuredContent = isError ? undefined : JSON.parse(text)
    return { text, isError, structuredContent, summary: structuredContent?.summary ?? text }
  }
}

const fileOf = (part: 'train' | 'test') => `samples/${part}.jsonl`
const rowsOf = (part: 'train' | 'test') =>
  readFileSync(join(packageRoot, fileOf(part)), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { text, label } = JSON.parse(line) as { text: string; label: string }
      return { text, label }
    })

const tellStory = (call: CallTool, name: string, options: Partial<StoryOptions> = {}): Promise<Story> =>
  runStory({
    call,
    name,
    films: `films-${name}`,
    alias: `live-${name}`,
    reviewsOf: (part) => ({ rows: rowsOf(part) }),
    settings: { steps: 4, max_tokens: 64 },
    ...options,
  })

function checkStory({ chapters, progress }: Story, name: string): void {
  const answers = chapters.map(({ answer }) => answer)
  const structures = answers.map(({ structuredContent }) => structuredContent)
  const [, train, test, plan, launched, again, , waited, classified, , , , evaluated, , promoted, byAlias] = structures
  expect([train, test]).toMatchObject([{ dataset: { rows: 390 } }, { dataset: { rows: 90 } }])
  expect(plan).toMatchObject({ plan: { method: 'lora', trainable: 49_152 }, next: { tool: 'launch_training' } })
  expect(plan).not.toHaveProperty('training')
  expect(launched).toMatchObject({ training: { name }, next: { tool: 'get_training' } })
  const { id } = (launched as { training: { id: string } }).training
  expect(again).toMatchObject({ training: { id } })
  const conflict = answers[6]
  expect([conflict.isError, conflict.text]).toEqual([true, expect.stringMatching(/^idempotency_conflict: /)])
  expect(waited).toMatchObject({ training: { id, status: 'succeeded', result: { metrics: { n: 90 } } } })
  expect(progress.every(({ progress, total }) => progress <= (total as number))).toBe(true)
  for (const { results } of [classified, byAlias] as { results: { label: string }[] }[])
    expect(results.map(({ label }) => ['positive', 'negative'].includes(label))).toEqual([true, true])
  expect(answers[11].summary).toMatch(new RegExp(`^${name}-1 succeeded, ${name} succeeded`))
  expect(evaluated).toMatchObject({ evaluation: { status: 'succeeded', metrics: { n: 90 } } })
  const comparison = { status: 'succeeded', result: { n: 90, adapters: [{ name }, { name: `${name}-1` }] } }
  expect(structures[13]).toMatchObject({ comparison })
  expect(answers[13].summary).toMatch(/cannot tell|better/)
  expect(promoted).toMatchObject({ alias: { adapter: { name: `${name}-1` } } })
  const [adapters, counted, wrong] = answers.slice(-3)
  expect(adapters.structuredContent).toMatchObject({ data: [{ name: `${name}-1`, trainable: 6144 }] })
  expect(counted.structuredContent).toMatchObject({ trainable: 104_544, total: 60_611_168 })
  expect(wrong.isError).toBe(true)
}

test.each([
  ['2025-11-25', 'older-http'],
  ['2026-07-28', 'newer-http'],
] as const)('the official client of %s runs the whole story over HTTP', async (revision, name) => {
  checkStory(await tellStory(await connectReader(revision, { url }), name), name)
})

test('a client that accepts tasks launches and compares, and gets the result of each from its task', async () => {
  const agent = connectTaskAgent({ url })
  const data = { dataset: 'films-older-http', test_dataset: 'films-older-http-test' }
  const settings = { ...data, rank: 2, steps: 4, max_tokens: 64 }
  const training = await agent.callTool('launch_training', { ...settings, name: 'tasked', idempotency_key: 'tasked' })
  expect(await training.result()).toMatchObject({
    status: 'completed',
    result: {
      content: [{ text: expect.stringMatching(/^\{"summary":"Training tasked succeeded\. Accuracy /) }],
      structuredContent: {
        training: { id: training.handle?.taskId, status: 'succeeded', result: { metrics: { n: 90 } } },
      },
    },
  })
  const comparison = await agent.callTool('compare_adapters', {
    adapters: ['tasked', 'older-http'],
    dataset: data.test_dataset,
  })
  expect(await comparison.result()).toMatchObject({
    status: 'completed',
    result: { structuredContent: { comparison: { id: comparison.handle?.taskId, result: { n: 90 } } } },
  })
})

// Each client has run the story over HTTP, and over stdio as well with the next test.
test('docs/mcp.md has the current transcript of two clients on a fresh home; UPDATE_DOCS=1 rewrites it', async () => {
  const fresh = freshHome()
  const [call, callOfOther] = await Promise.all([
    connectReader('2026-07-28', stdio(fresh)),
    connectReader('2025-11-25', stdio(fresh)),
  ])
  const story = await tellStory(call, 'film-lora', {
    callOfOther,
    films: 'films',
    alias: 'production',
    reviewsOf: (part) => ({ path: fileOf(part) }),
    settings: { epochs: 4, batch_tokens: 1024, device: 'cpu' },
  })
  checkStory(story, 'film-lora')
  expect(story.chapters[0].answer.summary).toBe('There are no data sets yet. Add one with add_dataset.')
  const path = join(packageRoot, 'docs/mcp.md')
  const document = readFileSync(path, 'utf8')
  const [before, after] = ['<!-- story -->\n', '<!-- end of story -->']
  const [start, end] = [document.indexOf(before) + before.length, document.indexOf(after)]
  const markdown = `\n${toMarkdown(story)}\n`
  if (process.env.UPDATE_DOCS) writeFileSync(path, document.slice(0, start) + markdown + document.slice(end))
  else expect(maskVolatile(document.slice(start, end))).toBe(maskVolatile(markdown))
  // Two full trainings, on a machine that may be busy.
}, 180_000)
