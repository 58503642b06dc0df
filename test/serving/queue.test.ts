import { expect, test } from 'vitest'
import { openQueue } from '../../serving/queue.ts'
import type { Mixture, QueueEntry } from '../../serving/queue-entry.ts'
import { entryOf, noExplainer, readyAdapter } from './queue-entries.ts'

interface Run {
  entries: readonly QueueEntry[]
  finish(): void
  fail(error: Error): void
}

/** A mixture whose runs end when the test calls `finish`. The logit of a row is its number of tokens. */
function fakeMixture(): { mixture: Mixture; runs: Run[] } {
  const runs: Run[] = []
  const computeLogits: Mixture['computeLogits'] = (entries) =>
    new Promise((resolve, reject) => {
      runs.push({
        entries,
        finish: () => resolve(entries.map(({ ids }) => Float32Array.of(ids.length))),
        fail: reject,
      })
    })
  return { mixture: { batchBytes: () => () => 0, computeLogits, explainer: noExplainer }, runs }
}

const entriesOf = (mixture: Mixture, ...lengths: number[]) => entriesFrom('somebody', mixture, ...lengths)
const entriesFrom = (client: string, mixture: Mixture, ...lengths: number[]) => {
  const adapter = readyAdapter(mixture, { method: 'lora' }, new Float32Array(1))
  return lengths.map((length) => entryOf(adapter, new Int32Array(length), client))
}
const nextTick = async () => new Promise((resolve) => setTimeout(resolve, 5))
/** Lengths so different that none of the rows can share a batch. */
const APART = [10, 100, 500]

test('as many batches run at the same time as there are threads', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(2)
  const answers = queue.add(entriesOf(mixture, ...APART))
  expect(runs).toHaveLength(2)
  expect(queue.waiting).toBe(1)
  runs[1].finish()
  await nextTick()
  expect(runs).toHaveLength(3)
  expect(queue.waiting).toBe(0)
  for (const { finish } of runs) finish()
  expect(await Promise.all(answers)).toEqual(APART.map((length) => Float32Array.of(length)))
})

test('rows of different requests share a batch, but rows of different weights do not', async () => {
  const [one, other] = [fakeMixture(), fakeMixture()]
  const queue = openQueue(1)
  const first = queue.add(entriesOf(one.mixture, 500))
  const later = [
    queue.add(entriesOf(one.mixture, 10)),
    queue.add(entriesOf(other.mixture, 10)),
    queue.add(entriesOf(one.mixture, 11)),
  ]
  one.runs[0].finish()
  await nextTick()
  expect(one.runs[1].entries.map(({ ids }) => ids.length)).toEqual([10, 11])
  expect(other.runs).toHaveLength(0)
  one.runs[1].finish()
  await nextTick()
  expect(other.runs[0].entries.map(({ ids }) => ids.length)).toEqual([10])
  other.runs[0].finish()
  expect((await Promise.all([first, ...later].flat())).map(([score]) => score)).toEqual([500, 10, 10, 11])
})

test('clients take turns, so that one that sends many rows does not delay the others', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  void Promise.all(queue.add(entriesFrom('many', mixture, ...Array(20).fill(500))))
  const [few] = queue.add(entriesFrom('few', mixture, 10))
  const [other] = queue.add(entriesFrom('other', mixture, 100))
  expect(runs[0].entries[0].client).toBe('many')
  for (const expected of ['few', 'other', 'many']) {
    runs.at(-1)?.finish()
    await nextTick()
    expect(runs.at(-1)?.entries[0].client).toBe(expected)
  }
  expect(await Promise.all([few, other])).toEqual([Float32Array.of(10), Float32Array.of(100)])
})

test('a batch is filled with rows of other clients', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  void Promise.all(queue.add(entriesFrom('first', mixture, 500)))
  void Promise.all(queue.add(entriesFrom('a', mixture, 10)))
  void Promise.all(queue.add(entriesFrom('b', mixture, 11)))
  runs[0].finish()
  await nextTick()
  expect(runs[1].entries.map(({ client }) => client)).toEqual(['a', 'b'])
})

test('an aborted request leaves the queue, and the rows of other requests stay', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const kept = queue.add(entriesOf(mixture, 500, 10))
  const stop = new AbortController()
  const aborted = queue.add(entriesOf(mixture, 10, 100), stop.signal)
  expect(queue.waiting).toBe(3)
  stop.abort(new Error('gone'))
  expect(queue.waiting).toBe(1)
  for (const answer of aborted) await expect(answer).rejects.toThrow('gone')
  runs[0].finish()
  await nextTick()
  expect(runs[1].entries).toHaveLength(1)
  runs[1].finish()
  expect(await Promise.all(kept)).toHaveLength(2)
})

test('an aborted request is rejected at once, even if its rows are running', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const stop = new AbortController()
  const [running] = queue.add(entriesOf(mixture, 10), stop.signal)
  stop.abort(new Error('gone'))
  await expect(running).rejects.toThrow('gone')
  expect(runs).toHaveLength(1)
})

test('an abort after the answer has no effect', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const stop = new AbortController()
  const answers = queue.add(entriesOf(mixture, 10), stop.signal)
  runs[0].finish()
  await nextTick()
  const next = queue.add(entriesOf(mixture, 10, 100))
  stop.abort()
  expect(queue.waiting).toBe(1)
  for (const { finish } of runs) finish()
  await nextTick()
  runs[2].finish()
  expect(await Promise.all([...answers, ...next])).toHaveLength(3)
})

test('a run that fails rejects only its own rows', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const [first, second] = queue.add(entriesOf(mixture, ...APART))
  runs[0].fail(new Error('out of memory'))
  await expect(first).rejects.toThrow('out of memory')
  await nextTick()
  runs[1].finish()
  expect(await second).toEqual(Float32Array.of(100))
})

test('waiting rows can be rejected while running rows finish', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const [running, ...waiting] = queue.add(entriesOf(mixture, ...APART))
  queue.rejectWaiting(new Error('shutting down'))
  for (const answer of waiting) await expect(answer).rejects.toThrow('shutting down')
  expect(queue.waiting).toBe(0)
  runs[0].finish()
  expect(await running).toEqual(Float32Array.of(10))
  expect(runs).toHaveLength(1)
})

test('a client with many rows and one with few get the same tokens, and one with a single row is next', async () => {
  const { mixture, runs } = fakeMixture()
  const queue = openQueue(1)
  const clientsOf = (run: Run) => run.entries.map(({ client }) => client)
  const add = (client: string, rows: number) => {
    const added = queue.add(entriesFrom(client, mixture, ...Array<number>(rows).fill(300)))
    for (const logits of added) logits.catch(() => {})
  }
  add('heavy', 60)
  for (let i = 0; i < 5; i++) add('light', 1)
  for (let i = 0; i < 3; i++) {
    runs.at(-1)?.finish()
    await nextTick()
  }
  // The other client had not come when the first batch began. It has used less since, so its rows are next.
  expect(clientsOf(runs[0])).toEqual(['heavy', 'heavy', 'heavy'])
  expect(runs.slice(1).flatMap(clientsOf)).toEqual(['light', 'light', 'light'])
  add('rare', 1)
  runs.at(-1)?.finish()
  await nextTick()
  expect(clientsOf(runs.at(-1) as Run)).toContain('rare')
  queue.rejectWaiting(new Error('over'))
})
