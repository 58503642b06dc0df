import { expect, test } from 'vitest'
import type { HeldAdapter, Mixture, ScoredRow } from '../../serving/mixture.ts'
import { type Job, openQueue } from '../../serving/queue.ts'

interface Run {
  rows: readonly ScoredRow[]
  done(): void
  fail(error: Error): void
}

/** Weights whose runs end when the test says so; a row's score is the number of its tokens. */
function fakeMixture(): { mixture: Mixture; runs: Run[] } {
  const runs: Run[] = []
  const score: Mixture['score'] = (rows) =>
    new Promise((resolve, reject) => {
      runs.push({ rows, done: () => resolve(rows.map(({ ids }) => Float32Array.of(ids.length))), fail: reject })
    })
  return { mixture: { score }, runs }
}

const adapter: HeldAdapter = { method: { method: 'lora' }, values: new Float32Array(1), hold: () => () => {} }
const job = (mixture: Mixture, length: number): Job => ({ mixture, adapter, ids: new Int32Array(length), words: [1] })
const jobs = (mixture: Mixture, ...lengths: number[]) => lengths.map((length) => job(mixture, length))
const settled = async () => new Promise((resolve) => setTimeout(resolve, 5))
/** Rows that no other row may share a run with, so different are their lengths. */
const APART = [10, 100, 500]

test('no more batches run at a time than there are threads', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(2)
  const answers = queue.add(jobs(mixture, ...APART))
  expect(runs).toHaveLength(2)
  expect(queue.waiting).toBe(1)
  runs[1].done()
  await settled()
  expect(runs).toHaveLength(3)
  expect(queue.waiting).toBe(0)
  for (const { done } of runs) done()
  expect(await Promise.all(answers)).toEqual(APART.map((length) => Float32Array.of(length)))
})

test('rows of different requests share a batch, and rows of different weights do not', async () => {
  const [one, other] = [fakeMixture(), fakeMixture()]
  const queue = openQueue(1)
  const first = queue.add(jobs(one.mixture, 500))
  const later = [queue.add(jobs(one.mixture, 10)), queue.add(jobs(other.mixture, 10)), queue.add(jobs(one.mixture, 11))]
  one.runs[0].done()
  await settled()
  expect(one.runs[1].rows.map(({ ids }) => ids.length)).toEqual([10, 11])
  expect(other.runs).toHaveLength(0)
  one.runs[1].done()
  await settled()
  expect(other.runs[0].rows.map(({ ids }) => ids.length)).toEqual([10])
  other.runs[0].done()
  expect((await Promise.all([first, ...later].flat())).map(([score]) => score)).toEqual([500, 10, 10, 11])
})

test('a request that is aborted leaves the queue, and no row of another goes with it', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const kept = queue.add(jobs(mixture, 500, 10))
  const stop = new AbortController()
  const given = queue.add(jobs(mixture, 10, 100), stop.signal)
  expect(queue.waiting).toBe(3)
  stop.abort(new Error('gone'))
  expect(queue.waiting).toBe(1)
  for (const answer of given) await expect(answer).rejects.toThrow('gone')
  runs[0].done()
  await settled()
  expect(runs[1].rows).toHaveLength(1)
  runs[1].done()
  expect(await Promise.all(kept)).toHaveLength(2)
})

test('a signal that aborts after the answer changes nothing', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const stop = new AbortController()
  const answers = queue.add(jobs(mixture, 10), stop.signal)
  runs[0].done()
  await settled()
  const next = queue.add(jobs(mixture, 10, 100))
  stop.abort()
  expect(queue.waiting).toBe(1)
  for (const { done } of runs) done()
  await settled()
  runs[2].done()
  expect(await Promise.all([...answers, ...next])).toHaveLength(3)
})

test('a run that fails takes its own rows with it and no others', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const [first, second] = queue.add(jobs(mixture, ...APART))
  runs[0].fail(new Error('out of memory'))
  await expect(first).rejects.toThrow('out of memory')
  await settled()
  runs[1].done()
  expect(await second).toEqual(Float32Array.of(100))
})

test('rows that wait can be refused while those that run are finished', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const [running, ...waiting] = queue.add(jobs(mixture, ...APART))
  queue.refuse(new Error('shutting_down'))
  for (const answer of waiting) await expect(answer).rejects.toThrow('shutting_down')
  expect(queue.waiting).toBe(0)
  runs[0].done()
  expect(await running).toEqual(Float32Array.of(10))
  expect(runs).toHaveLength(1)
})
