import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { tools } from '../../mcp/tools.ts'
import { insertDataset } from '../../platform/store/datasets.ts'
import { updateShortWork } from '../../platform/store/short-work.ts'
import { claimTraining, recordProgress, transitionTraining } from '../../platform/store/training-transitions.ts'
import { digestOf } from '../platform/fake-platform.ts'
import { type Answer, connectAgent, type Progress, revisions } from './agents.ts'
import { startMcp } from './start-mcp.ts'

/** Returns the characters that an agent reads. A token has three or more. */
const sizeOf = ({ text }: Answer): number => text.length
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
        readOnlyHint: !/^(add|launch|cancel|evaluate|compare|promote)_/.test(name),
        openWorldHint: false,
      })
      if (!annotations?.readOnlyHint)
        expect(annotations, name).toMatchObject({
          destructiveHint: /^(cancel|promote)_/.test(name),
          idempotentHint: /^(cancel|promote)_/.test(name),
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
  [{ method: 'bottleneck', bottleneck: 8 }, 60_611_168],
  [{ method: 'lora', rank: 8 }, 60_801_536],
])('on T5-small %o has %i parameters in total', async (method, total) => {
  const { url } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  expect((await call('count_parameters', { ...method, base: 't5-small' })).structuredContent).toMatchObject({ total })
  const { groups } = (await call('count_parameters', { ...method, base: 't5-small', detail: 'full' }))
    .structuredContent as {
    groups: { parameters: number }[]
  }
  const { trainable } = (await call('count_parameters', { ...method, base: 't5-small' })).structuredContent as {
    trainable: number
  }
  expect(groups.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(trainable)
})

test('the parameters are counted on the served base, and without a method they are the published table', async () => {
  const { url } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  const count = async (args: object) => (await call('count_parameters', { ...args })).structuredContent
  const served = await count({ method: 'lora', rank: 8, base: 'embedded' })
  expect(await count({ method: 'lora', rank: 8 })).toEqual(served)
  expect(await count({ method: 'bottleneck', bottleneck: 8, base: 't5-small' })).toMatchObject({ trainable: 104_544 })
  expect(await count({})).toMatchObject({
    base: 't5-small',
    rows: expect.arrayContaining([
      expect.objectContaining({ name: 'adapter, width 8', trainable: 104_544, total: 60_611_168 }),
    ]),
  })
  expect(await count({ base: 'embedded' })).toMatchObject({ base: 'embedded', rows: { length: 10 } })
})

test.each(revisions)(
  'the text of a result is its structure as JSON, for clients that show only one of them: %s',
  async (revision) => {
    const { url, films } = await startMcp()
    const { call } = await connectAgent(revision, { url })
    for (const [name, args] of [
      ['list_datasets', {}],
      ['launch_training', { dataset: films }],
      ['classify_reviews', { reviews: ['good'], adapter: 'imdb' }],
      ['count_parameters', { method: 'lora' }],
    ] as const) {
      const { text, structuredContent } = await call(name, args)
      expect(text).toBe(JSON.stringify(structuredContent))
      expect(structuredContent?.summary).toMatch(/\.$/)
    }
  },
)

test('the tools take fewer than 5,200 tokens to list', async () => {
  const { url } = await startMcp()
  const { client } = await connectAgent('2025-11-25', { url })
  expect(countTokens(JSON.stringify(await client.listTools()))).toBeLessThan(5200)
})

test('an empty list names the tool that fills it, and the next call of a result is valid', async () => {
  const { url, films } = await startMcp({ adapters: [] })
  const { call } = await connectAgent('2026-07-28', { url })
  const expectValid = (answer: Answer, tool: string) => {
    const next = answer.structuredContent?.next as { tool: string; arguments: object }
    expect(next.tool).toBe(tool)
    const { input } = tools.find(({ name }) => name === tool)!
    expect(input.safeParse(next.arguments).error).toBeUndefined()
  }
  const adapters = await call('list_adapters')
  expect(adapters.summary).toMatch(/no adapters yet\. .*launch_training/)
  expectValid(adapters, 'launch_training')
  const paused = await call('list_trainings', { status: 'paused' })
  expect(paused.summary).toMatch(/no paused trainings\. .*launch_training/)
  expectValid(paused, 'launch_training')
  expectValid(await call('launch_training', { dataset: films }), 'get_training')
  expectValid(await call('list_datasets', { limit: 1 }), 'list_datasets')
  const none = await call('list_datasets', { cursor: '00000000-0000-7000-8000-000000000000' })
  expect(none.structuredContent).toEqual({ summary: 'There are no more.', data: [] })
})

test('an agent adds a data set, follows its trainings, measures an adapter and promotes it', async () => {
  const { url, platform } = await startMcp({ adapters: ['imdb'] })
  const { call } = await connectAgent('2025-11-25', { url })
  const name = `added-${randomUUID().slice(0, 8)}`
  const rows = [
    { text: 'good', label: 'positive' },
    { text: 'bad', label: 'negative' },
  ]
  const added = await call('add_dataset', { name, rows })
  expect(added.summary).toBe(`${name} has 2 reviews: 1 negative, 1 positive.`)
  expect(added.structuredContent).toMatchObject({ dataset: { name, rows: 2, labels: { positive: 1, negative: 1 } } })
  const numbered = await call('add_dataset', {
    name: `${name}-2`,
    rows: [0, 1].map((label) => ({ text: `t${label}`, label })),
  })
  expect(numbered.structuredContent).toMatchObject({ dataset: { labels: { 0: 1, 1: 1 } } })

  const launched = await call('launch_training', { dataset: name, name: `of-${name}` })
  const { id } = (launched.structuredContent as { training: { id: string } }).training
  const listed = await call('list_trainings', { status: 'queued', limit: 1 })
  expect(listed.summary).toBe(`of-${name} queued.${listed.structuredContent?.next ? ' More follow.' : ''}`)
  expect(listed.structuredContent).toMatchObject({ data: [{ id, status: 'queued' }] })
  expect((await call('list_bases')).summary).toMatch(/\bembedded \(served\)/)

  const evaluated = await call('evaluate_adapter', { adapter: 'imdb', dataset: name, wait_seconds: 0 })
  const evaluation = evaluated.structuredContent?.evaluation as { id: string }
  expect(evaluated.structuredContent).toMatchObject({
    summary: 'The evaluation is queued.',
    next: { tool: 'evaluate_adapter', arguments: { evaluation: evaluation.id } },
  })
  const metrics = { n: 2, accuracy: 0.5, interval: [0.1, 0.9], f1: 0.5, ece: 0.1, log_loss: 0.7, slices: [] }
  await updateShortWork(platform.store.db, 'evaluation', evaluation.id, { status: 'succeeded', metrics } as never)
  const ended = await call('evaluate_adapter', { evaluation: evaluation.id })
  expect(ended.summary).toBe('Accuracy 50.0 % [10.0, 90.0] on 2 reviews.')
  expect(ended.structuredContent?.evaluation).not.toHaveProperty('metrics.slices')

  const alias = `live-${name}`
  const promoted = await call('promote_adapter', { alias, adapter: 'imdb' })
  expect(promoted.summary).toBe(`${alias} points to imdb.`)
  expect((await call('list_adapters')).summary).toBe(`imdb (${alias}).`)
  expect((await call('classify_reviews', { reviews: ['good'], adapter: alias })).summary).toBe('1 positive.')
})

test('results are in the order of the reviews, and only an invalid review gets an error, which names the argument', async () => {
  const { url, platform } = await startMcp({ adapters: ['imdb', 'other'] })
  const { call } = await connectAgent('2025-11-25', { url })
  const one = await call('classify_reviews', { reviews: ['good', ' ', 'bad'], adapter: 'imdb' })
  expect(one.summary).toBe('1 positive, 1 failed, 1 negative.')
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

test('an explanation names the words that speak for a label and against it, and its summary stays short', async () => {
  const { url } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  const short = await call('explain_review', { review: 'good bad film' })
  expect(short.summary).toBe(
    'positive, with a probability of 0.9250. The words that speak most for it: "good", "film". Against it: "bad".',
  )
  expect(short.structuredContent).toMatchObject({
    label: 'positive',
    adapter: 'imdb',
    explanation: { target: 'positive', words: [{ text: 'good', start: 0, end: 4, contribution: 4 }, {}, {}] },
  })
  const long = { review: `good ${'x'.repeat(3000)} `.repeat(40) }
  const summary = await call('explain_review', long)
  expect(sizeOf(summary)).toBeLessThan(MAX_CHARS)
  expect(summary.structuredContent).toMatchObject({ left_out: 60 })
  const { explanation } = (await call('explain_review', { ...long, detail: 'full' })).structuredContent as {
    explanation: { words: unknown[] }
  }
  expect(explanation.words).toHaveLength(80)
})

test('a summary stays short however much is requested, and says what it left out', async () => {
  const { url, platform } = await startMcp({ adapters: ['a', 'b', 'c', 'd'] })
  const { call } = await connectAgent('2026-07-28', { url })
  const long = { reviews: Array.from({ length: 256 }, () => 'good'), adapters: ['a', 'b', 'c', 'd'] }
  const short = await call('classify_reviews', long)
  expect(sizeOf(short)).toBeLessThan(MAX_CHARS)
  const { results, left_out } = short.structuredContent as { results: unknown[]; left_out: number }
  expect(results.length + left_out).toBe(256)
  expect(short.summary).toContain(`last ${left_out} reviews`)
  const full = await call('classify_reviews', { ...long, detail: 'full' })
  expect((full.structuredContent as { results: unknown[] }).results).toHaveLength(256)
  const failed = await call('classify_reviews', { reviews: long.reviews.map(() => ''), adapter: 'a' })
  expect(sizeOf(failed)).toBeLessThan(MAX_CHARS)

  const labels = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`label ${i}`, 1]))
  const names = Array.from({ length: 40 }, (_, i) => `${digestOf('many').slice(0, 20)}-${i}-${platform.bases[0].id}`)
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
  expect(answer.summary).toMatch(/is waiting for a worker\.$/)
  expect(answer.structuredContent).toMatchObject({ next: { tool: 'get_training', arguments: { training: id } } })
  expect(performance.now() - began).toBeGreaterThan(290)
  const waiting = call('get_training', { training: id, wait_seconds: 30 })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await close()
  expect((await waiting).structuredContent).toMatchObject({ training: { status: 'queued' } })
  expect(performance.now() - began).toBeLessThan(5100)
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
    await expect(client.readResource({ uri: 'graft://adapters/%zz' })).rejects.toThrow(/adapter_unknown: .*"%zz"/)

    const { prompts } = await client.listPrompts()
    expect(prompts.map(({ name }) => name)).toEqual(['choose_adapter'])
    const { messages } = await client.getPrompt({ name: 'choose_adapter', arguments: { dataset: films } })
    const { text } = messages[0].content as { text: string }
    expect(text).toContain(`Train on the data set ${films}`)
    for (const [word] of text.matchAll(/[a-z]+(_[a-z]+)+(?= |,|\.| with)/g))
      if (/^(list|add|launch|get|count|classify|cancel|evaluate|compare|promote)_/.test(word))
        expect(tools.map(({ name }) => name)).toContain(word)
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
    expect((await waiting).summary).toMatch(/is cancelled\.$/)
    expect(received.map(({ progress, total, message }) => [progress, total, message])).toEqual([
      [3, 9, '6 s left, loss 0.500'],
      [7, 9, '2 s left, loss 0.500'],
    ])
  },
)
