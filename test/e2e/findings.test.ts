import { afterAll, beforeAll, expect, test } from 'vitest'
import type { z } from 'zod'
import type { finding } from '../../platform/schemas/findings.ts'
import { freshHome, type GraftProcess, startGraft } from '../cli/run.ts'
import { connectAgent } from '../mcp/agents.ts'
import { writeReviews } from '../training/tiny.ts'

type Findings = { findings: z.infer<typeof finding>[] }

const CHINESE = ['这部电影太棒了，演员演技很好', '这部电影太烂了，浪费时间']
const chinese = Array.from({ length: 20 }, (_, i) => ({ text: CHINESE[i % 2], label: i % 2 ? 'negative' : 'positive' }))
const spellings = ['positive', 'Positive', 'negative', 'negatve']
const misspelled = spellings.flatMap((label) =>
  Array.from({ length: 6 }, (_, i) => ({ text: `A ${label} film, number ${i}.`, label })),
)

const home = freshHome()
let server: GraftProcess
let url: string
let added: Findings
let addedChinese: Findings
beforeAll(async () => {
  server = startGraft(['serve', '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
  addedChinese = await upload('chinese', chinese)
  added = await upload('misspelled', misspelled)
})
afterAll(async () => {
  server.kill('SIGTERM')
  const { code, stderr } = await server.exited
  expect(code, stderr).toBe(0)
})

async function send<T>(method: string, path: string, body?: string | object): Promise<T> {
  const isRows = typeof body === 'string'
  const headers = { accept: 'application/json', 'content-type': isRows ? 'application/jsonl' : 'application/json' }
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body && { body: isRows ? body : JSON.stringify(body) }),
  })
  const value = (await response.json()) as T
  expect(response.ok, JSON.stringify(value)).toBe(true)
  return value
}

const upload = (name: string, rows: readonly object[]) =>
  send<Findings>('POST', `/v1/datasets?name=${name}`, rows.map((row) => JSON.stringify(row)).join('\n'))
const codesOf = ({ findings }: Findings) => findings.map(({ code }) => code)

test('an upload answers with what is odd about its labels, and lists stay short', async () => {
  expect(codesOf(added)).toEqual(['labels_alike'])
  expect(added.findings[0].message).toBe(
    'The labels “positive” and “Positive” differ only in case or punctuation; “negative” and “negatve” differ only in one letter. A training would learn them as different labels.',
  )
  expect(await send<Findings>('GET', '/v1/datasets/misspelled')).toEqual(added)
  const { data } = await send<{ data: object[] }>('GET', '/v1/datasets')
  expect(data[0]).not.toHaveProperty('findings')
})

test('a plan says that the base does not know the language, and so does a prediction', async () => {
  expect(codesOf(addedChinese)).toEqual(['duplicate_texts'])
  const { plan } = await send<{ plan: Findings }>('POST', '/v1/trainings?dry_run=true', {
    dataset: 'chinese',
    steps: 1,
  })
  expect(codesOf(plan)).toEqual(['unknown_tokens', 'duplicate_texts'])
  expect(plan.findings[0].message).toContain('Most of this text is unknown to the base')

  const inputs = [CHINESE[0], 'A joy from start to finish.']
  const { results } = await send<{ results: { warning?: string }[] }>('POST', '/v1/predictions', {
    inputs,
    adapter: 'film',
  })
  expect(results[0].warning).toMatch(/^Most of this text is unknown to the base: \d+ % of its tokens\./)
  expect(results[1]).not.toHaveProperty('warning')
})

test('the result and the events of a training repeat the warnings, also in jobs of OpenAI', async () => {
  const { id } = await send<{ id: string }>('POST', '/v1/trainings', {
    dataset: 'chinese',
    test_dataset: 'chinese',
    steps: 1,
    learning_rate: 1e-9,
  })
  let training: { status: string; result?: Findings }
  do {
    await new Promise((resolve) => setTimeout(resolve, 200))
    training = await send('GET', `/v1/trainings/${id}`)
  } while (!['succeeded', 'failed'].includes(training.status))
  const codes = codesOf(training.result as Findings)
  expect(codes).toEqual(expect.arrayContaining(['accuracy_not_above_guessing', 'leaked_texts', 'unknown_tokens']))
  const { data } = await send<{ data: { event: { type: string; result?: Findings } }[] }>(
    'GET',
    `/v1/trainings/${id}/events`,
  )
  const done = data.find(({ event }) => event.type === 'done')
  expect(codesOf(done?.event.result as Findings)).toEqual(codes)
  const jobs = await send<{ data: { id: string }[] }>('GET', '/v1/fine_tuning/jobs')
  const events = await send<{ data: { level: string; message: string }[] }>(
    'GET',
    `/v1/fine_tuning/jobs/${jobs.data[0].id}/events`,
  )
  expect(events.data.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Trained in 1 steps.*Warning: The training did not learn/),
    expect.stringMatching(/^Training .*Warning: Most of this text is unknown to the base/),
  ])
})

test('agents read the warnings in the text of a plan, a launch and a result', async () => {
  const agent = await connectAgent('2026-07-28', { url })
  const call = async (name: string, args: Record<string, unknown>) => agent.call(name, args)
  const planned = await call('launch_training', { dataset: 'chinese', steps: 1, plan_only: true })
  expect(planned.text).toContain('Warning: Most of this text is unknown to the base')
  const launched = await call('launch_training', { dataset: 'misspelled', steps: 1, name: 'misspelled' })
  expect(launched.text).toContain('Warning: The labels “positive” and “Positive” differ only in case')
  expect(launched.structuredContent).toMatchObject({ findings: [{ code: 'labels_alike' }] })
  let answer = await call('get_training', { training: 'misspelled', wait_seconds: 30 })
  while (/is at step|has started|waiting/.test(answer.text))
    answer = await call('get_training', { training: 'misspelled', wait_seconds: 30 })
  expect(answer.text).toContain('Warning: The labels “positive” and “Positive” differ only in case')
  const classified = await call('classify_reviews', { reviews: [CHINESE[0], 'Superb.'], adapter: 'film' })
  expect(classified.text).toContain('Warning: most of the text of 1 results is unknown to the base.')
})

test('the command line shows them when a file is added, planned and classified', async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await startGraft(args, { GRAFT_HOME: home }).exited
    expect(code, stderr).toBe(0)
    return stdout + stderr
  }
  expect(await run('datasets', 'add', writeReviews(misspelled), '--name', 'again')).toContain(
    'warning: The labels “positive” and “Positive” differ only in case',
  )
  const warning = 'warning: Most of this text is unknown to the base: 92.9 % of its tokens.'
  const file = writeReviews(chinese)
  expect(await run('train', '--data', file, '--name', 'film-zh', '--steps', '1', '--plan')).toContain(warning)
  expect(await run('train', '--data', file, '--out', `${file}.out`, '--steps', '1', '--plan')).toContain(warning)
  expect(await run('predict', '--adapter', 'film', CHINESE[0])).toContain(`warning: ${CHINESE[0]}: Most of this text`)
})
