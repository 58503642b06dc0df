import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { tools } from '../../mcp/tools.ts'
import { insertDataset } from '../../platform/store/datasets.ts'
import { claimTraining, recordProgress, transitionTraining } from '../../platform/store/training-transitions.ts'
import { digestOf } from '../platform/fake-platform.ts'
import { connectAgent, type Progress, revisions } from './agents.ts'
import { startMcp } from './start-mcp.ts'

/** Returns the characters that an agent reads. A token has three or more. */
const sizeOf = (answer: object): number => JSON.stringify(answer).length
const MAX_CHARS = 12_000

test.each(revisions)(
  'the client of %s sees the description, schemas and annotations of each tool',
  async (revision) => {
    const { url } = await startMcp()
    const { client } = await connectAgent(revision, { url })
    const listed = (await client.listTools()).tools
    expect(listed.map(({ name }) => name)).toEqual(tools.map(({ name }) => name))
    for (const { name, description, inputSchema, outputSchema, annotations } of listed) {
      expect(description, name).toMatch(/\.$/)
      expect([inputSchema.type, outputSchema?.type], name).toEqual(['object', 'object'])
      expect(annotations, name).toMatchObject({
        readOnlyHint: !['launch_training', 'cancel_training', 'compare_adapters'].includes(name),
        destructiveHint: name === 'cancel_training',
        idempotentHint: !['launch_training', 'compare_adapters'].includes(name),
        openWorldHint: false,
      })
    }
  },
)

test('the example call of an error is valid', () => {
  for (const { name, input, example } of tools) expect(input.safeParse(example).error, name).toBeUndefined()
})

test('docs/mcp.md lists every tool', () => {
  const document = readFileSync(join(packageRoot, 'docs/mcp.md'), 'utf8')
  for (const { name } of tools) expect(document).toContain(`| \`${name}\` |`)
})

test.each([
  [{ method: 'full' }, 60_506_624],
  [{ method: 'soft-prompt', tokens: 10 }, 60_511_744],
  [{ method: 'bottleneck', variant: 'seq_bn', bottleneck: 8 }, 60_611_168],
  [{ method: 'lora', rank: 8 }, 60_801_536],
])('on T5-small %o has %i parameters in total', async (method, total) => {
  const { url } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  expect((await call('count_parameters', method)).structuredContent).toMatchObject({ total })
  const { groups } = (await call('count_parameters', { ...method, detail: 'full' })).structuredContent as {
    groups: { parameters: number }[]
  }
  const { trainable } = (await call('count_parameters', method)).structuredContent as { trainable: number }
  expect(groups.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(trainable)
})

test('results are in the order of the reviews, and only an invalid review gets an error, which names the argument', async () => {
  const { url, platform } = await startMcp({ adapters: ['imdb', 'other'] })
  const { call } = await connectAgent('2025-11-25', { url })
  const one = await call('classify_reviews', { reviews: ['good', ' ', 'bad'], adapter: 'imdb' })
  expect(one.text).toBe('1 positive, 1 failed, 1 negative.')
  expect(one.structuredContent).toMatchObject({
    adapter: 'imdb',
    results: [
      { label: 'positive', score: 0.925 },
      { error: { code: 'text_invalid', detail: expect.stringMatching(/^reviews\[1\]\W/) } },
      { label: 'negative' },
    ],
  })
  const both = await call('classify_reviews', { reviews: ['good'], adapters: ['imdb', 'other'], detail: 'full' })
  expect(both.structuredContent).toMatchObject({
    adapters: [{ adapter: 'imdb' }, { adapter: 'other' }],
    results: [
      [
        { label: 'positive', tokens: 1 },
        { label: 'positive', scores: {} },
      ],
    ],
  })
  const broken = await call('classify_reviews', { reviews: ['explode'], adapter: 'imdb' })
  expect(broken.text + JSON.stringify(broken.structuredContent)).not.toContain('/secret')
  expect(platform.logged).toHaveLength(1)
})

test('a summary stays short however much is requested, and says what it left out', async () => {
  const { url, platform } = await startMcp({ adapters: ['a', 'b', 'c', 'd'] })
  const { call } = await connectAgent('2026-07-28', { url })
  const long = { reviews: Array.from({ length: 256 }, () => 'good'), adapters: ['a', 'b', 'c', 'd'] }
  const short = await call('classify_reviews', long)
  expect(sizeOf(short)).toBeLessThan(MAX_CHARS)
  const { results, left_out } = short.structuredContent as { results: unknown[]; left_out: number }
  expect(results.length + left_out).toBe(256)
  expect(short.text).toContain(`last ${left_out} reviews`)
  const full = await call('classify_reviews', { ...long, detail: 'full' })
  expect((full.structuredContent as { results: unknown[] }).results).toHaveLength(256)
  const failed = await call('classify_reviews', { reviews: long.reviews.map(() => ''), adapter: 'a' })
  expect(sizeOf(failed)).toBeLessThan(MAX_CHARS)

  const labels = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`label ${i}`, 1]))
  const names = Array.from({ length: 40 }, (_, i) => `${digestOf('many').slice(0, 20)}-${i}-${platform.base.id}`)
  for (const name of names)
    await insertDataset(platform.store.db, {
      name,
      digest: digestOf(name),
      bytes: 1,
      format: 'jsonl',
      rows: 300,
      labels,
      duplicates: 0,
    })
  const seen: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await call('list_datasets', { limit: 100, ...(cursor && { cursor }) })
    expect(sizeOf(page)).toBeLessThan(MAX_CHARS)
    const { data, next_cursor } = page.structuredContent as { data: { name: string }[]; next_cursor?: string }
    seen.push(...data.map(({ name }) => name))
    if (next_cursor === undefined) break
    cursor = next_cursor
  }
  expect(seen.filter((name) => names.includes(name))).toEqual(names.toReversed())
})

test('a launch repeated with its key starts nothing, and is a conflict with other arguments', async () => {
  const { url, films } = await startMcp()
  const { call } = await connectAgent('2025-11-25', { url })
  const launch = { dataset: films, idempotency_key: 'one' }
  const first = await call('launch_training', launch)
  expect(first.structuredContent).toMatchObject({ training: { status: 'queued' } })
  expect((await call('launch_training', { ...launch, detail: 'full' })).structuredContent).toMatchObject(
    first.structuredContent as object,
  )
  expect(await call('launch_training', { ...launch, rank: 2 })).toMatchObject({
    isError: true,
    text: expect.stringMatching(/^idempotency_conflict: .*\nThe idempotency key "one"/),
  })
})

test('a training is cancelled once, however often the call is repeated with the same key', async () => {
  const { url, films } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  const launched = await call('launch_training', { dataset: films })
  const { id } = (launched.structuredContent as { training: { id: string } }).training
  const cancel = { training: id, idempotency_key: `stop ${id}`.replace(' ', '-') }
  for (let times = 0; times < 2; times++)
    expect((await call('cancel_training', cancel)).structuredContent).toMatchObject({
      training: { status: 'cancelled' },
    })
  expect((await call('cancel_training', { training: id })).text).toMatch(/^training_status_conflict: /)
})

test('a wait ends after its time, and when the server shuts down', async () => {
  const { url, films, close } = await startMcp()
  const { call } = await connectAgent('2025-11-25', { url })
  const launched = await call('launch_training', { dataset: films })
  const { id } = (launched.structuredContent as { training: { id: string } }).training
  const began = performance.now()
  const answer = await call('get_training', { training: id, wait_seconds: 0.3 })
  expect(answer.text).toMatch(/is waiting for a worker\. Next call: get_training/)
  expect(performance.now() - began).toBeGreaterThan(290)
  const waiting = call('get_training', { training: id, wait_seconds: 30 })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await close()
  expect((await waiting).structuredContent).toMatchObject({ training: { status: 'queued' } })
  expect(performance.now() - began).toBeLessThan(5000)
})

test.each(revisions)(
  'trainings and adapters are resources, and a prompt leads through the tools: %s',
  async (revision) => {
    const { url, films } = await startMcp()
    const { client, call } = await connectAgent(revision, { url })
    const launched = await call('launch_training', { dataset: films })
    const { id } = (launched.structuredContent as { training: { id: string } }).training
    const { resources } = await client.listResources()
    expect(resources.map(({ uri }) => uri)).toContain(`graft://trainings/${id}`)
    const uris = (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate)
    expect(uris).toEqual(['graft://trainings/{id}', 'graft://adapters/{id}'])
    const read = async (uri: string) => {
      const [content] = (await client.readResource({ uri })).contents
      return JSON.parse((content as { text: string }).text)
    }
    expect(await read(`graft://trainings/${id}`)).toMatchObject({ id, settings: { rank: 8 } })
    expect(await read('graft://adapters/imdb')).toMatchObject({ name: 'imdb', layout: 'peft' })
    await expect(client.readResource({ uri: 'graft://adapters/none' })).rejects.toThrow(/adapter_unknown: .*"none"/)

    const { prompts } = await client.listPrompts()
    expect(prompts.map(({ name }) => name)).toEqual(['choose_adapter'])
    const { messages } = await client.getPrompt({ name: 'choose_adapter', arguments: { dataset: films } })
    const { text } = messages[0].content as { text: string }
    expect(text).toContain(`Train on the data set ${films}`)
    for (const [word] of text.matchAll(/[a-z]+(_[a-z]+)+(?= |,|\.| with)/g))
      if (/^(list|launch|get|count|classify|cancel)_/.test(word)) expect(tools.map(({ name }) => name)).toContain(word)
  },
)

test.each(revisions)(
  'a client that requests progress gets it for a training, and it never decreases: %s',
  async (revision) => {
    const { url, films, platform } = await startMcp()
    const { db } = platform.store
    const { call } = await connectAgent(revision, { url })
    const launched = await call('launch_training', { dataset: films })
    const { id } = (launched.structuredContent as { training: { id: string } }).training
    const { fencing_token } = (await claimTraining(db, id, 'test')) as { fencing_token: number }
    const at = (step: number) =>
      recordProgress(db, id, fencing_token, {
        progress: { step, total_steps: 9, reviews_per_second: 1, seconds_left: 9 - step, loss: 0.5 },
      })
    await at(3)
    const received: Progress[] = []
    const waiting = call('get_training', { training: id, wait_seconds: 30 }, (progress) => received.push(progress))
    const waitForProgress = async (count: number) => {
      while (received.length < count) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await waitForProgress(1)
    // This happens if a worker is killed: the next one continues from a saved state.
    await at(2)
    await new Promise((resolve) => setTimeout(resolve, 600))
    await at(7)
    await waitForProgress(2)
    await transitionTraining(db, id, 'cancelled')
    expect((await waiting).text).toMatch(/is cancelled\.$/)
    expect(received.map(({ progress, total, message }) => [progress, total, message])).toEqual([
      [3, 9, '6 s left, loss 0.500'],
      [7, 9, '2 s left, loss 0.500'],
    ])
  },
)
