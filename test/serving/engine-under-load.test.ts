import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { makeRandom } from '../../core/random.ts'
import { MAX_PREDICTIONS } from '../../platform/schemas/classify.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, EngineOptions } from '../../serving/engine-types.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { base, saveRandomAdapter, textOf } from './adapters.ts'

const adapter = 'film'
let dir: string
beforeAll(async () => {
  dir = await saveRandomAdapter(adapter, { method: 'lora', rank: 4 }, 0.05)
})

/** Opens an engine and closes it when the test ends. */
async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await openEngine({ base, folderOf: async () => dir, threads: 1, ...options })
  onTestFinished(() => engine.close())
  return engine
}

const rows = (count: number, tokens: number) =>
  Array.from({ length: count }, (_, i) => ({ text: textOf(tokens, i), adapter }))

const isAnswered = (answers: Awaited<ReturnType<Engine['classify']>>) =>
  answers.every((answer) => 'label' in answer && answer.score >= 0.5)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('the largest request that HTTP allows fits into the queue of an idle engine', async () => {
  const engine = await open()
  const answers = await engine.classify(rows(MAX_PREDICTIONS, 4))
  expect(answers).toHaveLength(MAX_PREDICTIONS)
  expect(isAnswered(answers)).toBe(true)
})

test('a request that exceeds the free room is rejected as a whole, and one that fits is answered', async () => {
  const engine = await open({ queueCapacity: 10 })
  await expectError(engine.classify(rows(11, 4)), 'overloaded', 'room for only 10 of the 11 texts', 'at most 10')
  expect(isAnswered(await engine.classify(rows(10, 4)))).toBe(true)
})

test('texts that are being tokenized count as waiting', async () => {
  const engine = await open({ queueCapacity: 10 })
  const first = engine.classify(rows(6, 4))
  await expectError(engine.classify(rows(5, 4)), 'overloaded', 'room for only 4 ')
  expect(isAnswered(await first)).toBe(true)
  expect(isAnswered(await engine.classify(rows(10, 4)))).toBe(true)
})

test('an aborted request leaves the queue and is rejected with the reason', async () => {
  const engine = await open({ queueCapacity: 60 })
  const stop = new AbortController()
  const long = engine.classify(rows(50, 512), stop.signal)
  const reason = expect(long).rejects.toThrow('gone')
  await pause(50)
  await expectError(engine.classify(rows(60, 4)), 'overloaded')
  stop.abort(new Error('gone'))
  await reason
  expect(isAnswered(await engine.classify(rows(60, 4)))).toBe(true)
})

test('a request that was aborted before it started does not start', async () => {
  const engine = await open({ queueCapacity: 1 })
  await expect(engine.classify(rows(1, 4), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  expect(isAnswered(await engine.classify(rows(1, 4)))).toBe(true)
})

test('the event loop stays responsive while 256 long texts are classified', async () => {
  const truncation = { max_tokens: 128, side: 'left' } as const
  const short = await saveRandomAdapter(adapter, { method: 'lora', rank: 4 }, 0.05, { truncation })
  const engine = await open({ folderOf: async () => short, threads: 2 })
  // Random words, so that none is in a cache.
  const draw = makeRandom(0, 'letters')
  const word = () => Array.from({ length: 7 }, () => String.fromCharCode(97 + draw.integer(26))).join('')
  const texts = Array.from({ length: 256 }, () => ({ text: Array.from({ length: 800 }, word).join(' '), adapter }))
  let [longest, most, ticks] = [0, 0, 0]
  let [last, worked] = [performance.now(), process.threadCpuUsage()]
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(worked)
    longest = Math.max(longest, performance.now() - last)
    most = Math.max(most, (user + system) / 1000)
    ;[last, worked] = [performance.now(), process.threadCpuUsage()]
    ticks++
  }, 20)
  const answers = await engine.classify(texts)
  clearInterval(timer)
  expect(isAnswered(answers)).toBe(true)
  expect(ticks).toBeGreaterThan(5)
  // CPU time of this thread between two ticks, garbage collection included. All the work takes seconds. Elapsed time
  // also depends on other processes on the machine.
  expect(most, `milliseconds of work in the worst of ${ticks} gaps`).toBeLessThan(250)
  expect(longest, `milliseconds of the longest of ${ticks} gaps`).toBeLessThan(3000)
})

test('an engine that closes finishes running rows and rejects waiting and new ones', async () => {
  const engine = await open({ threads: 2 })
  const requests = rows(100, 512).map((row) => engine.classify([row]))
  const outcomes = Promise.allSettled(requests)
  await Promise.race(requests)
  const closing = engine.close()
  await expectError(engine.classify(rows(1, 4)), 'shutting_down')
  const settled = await outcomes
  const answers = settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  const reasons = settled.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(answers.length).toBeGreaterThan(0)
  expect(isAnswered(answers)).toBe(true)
  expect(reasons.length).toBeGreaterThan(0)
  for (const reason of reasons) expect(reason).toMatchObject({ code: 'shutting_down' })
  await closing
})

test('an engine that closes rejects texts that are being tokenized', async () => {
  const engine = await open()
  const tokenizing = expectError(engine.classify(rows(256, 512)), 'shutting_down')
  await engine.close()
  await tokenizing
})

test('closing twice has the same effect as closing once', async () => {
  const engine = await open()
  await Promise.all([engine.close(), engine.close()])
  await engine.close()
})
