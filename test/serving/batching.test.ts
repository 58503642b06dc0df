import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRandom } from '../../core/random.ts'
import type { BatchBytes } from '../../serving/batch-bytes.ts'
import { MAX_BATCH_BYTES, MAX_BATCH_TOKENS, maxLengthBeside, nextBatch as nextBatchOf } from '../../serving/batching.ts'

interface Row {
  id: number
  ids: { length: number }
  adapter: { words: { length: number } }
}

const adapterOf = (labels: number) => ({ words: { length: labels } })
const adapter = adapterOf(2)
const rows = (lengths: readonly number[], adapters = [adapter]): Row[] =>
  lengths.map((length, id) => ({ id, ids: { length }, adapter: adapters[id % adapters.length] }))
/** Batches that are limited by their tokens only. */
const nextBatch = (waiting: readonly Row[], bytesOf: BatchBytes = () => 0, isDue?: (row: Row) => boolean) =>
  nextBatchOf(waiting, bytesOf, MAX_BATCH_TOKENS, isDue)
const lengthsOf = (batch: readonly Row[]) => batch.map(({ ids }) => ids.length)
const idsOf = (batch: readonly Row[]) => batch.map(({ id }) => id)

/** Queues of rows of any length: some longer than a batch may be, many of almost the same length. */
const queues = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 2 * MAX_BATCH_TOKENS }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 100, max: 130 }),
    ),
    { minLength: 1, maxLength: 200, size: 'max' },
  )
  .map(rows)

/** Takes batches until the queue is empty. */
function takeBatches(queue: readonly Row[], bytesOf?: BatchBytes): Row[][] {
  let waiting = queue
  const batches: Row[][] = []
  while (waiting.length > 0) {
    const batch = nextBatch(waiting, bytesOf)
    waiting = waiting.filter((row) => !batch.includes(row))
    if (batch.length === 0) throw new Error('an empty batch although rows wait')
    batches.push(batch)
  }
  return batches
}

describe('batching', () => {
  test('takes every row exactly once', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        const ids = idsOf(waiting)
        const taken = takeBatches(waiting).flatMap(idsOf)
        expect(taken.sort((a, b) => a - b)).toEqual(ids)
      }),
    )
  })

  test('takes the oldest row in the next batch', () => {
    fc.assert(
      fc.property(queues, (queue) => {
        let waiting = queue
        while (waiting.length > 0) {
          const batch = nextBatch(waiting)
          expect(batch).toContain(waiting[0])
          waiting = waiting.filter((row) => !batch.includes(row))
        }
      }),
    )
  })
})

describe('a batch', () => {
  test('has no more tokens than its budget, padding included, unless it is a single long row', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        for (const batch of takeBatches(waiting))
          if (batch.length > 1)
            expect(batch.length * Math.max(...lengthsOf(batch))).toBeLessThanOrEqual(MAX_BATCH_TOKENS)
      }),
    )
  })

  test('limits the padding of each row, so that one long text does not slow down many short ones', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        for (const batch of takeBatches(waiting))
          expect(Math.max(...lengthsOf(batch))).toBeLessThanOrEqual(maxLengthBeside(Math.min(...lengthsOf(batch))))
      }),
    )
  })

  test('uses the whole budget if all rows have the same length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_BATCH_TOKENS }), fc.integer({ min: 1, max: 300 }), (length, count) => {
        const capacity = Math.floor(MAX_BATCH_TOKENS / length)
        expect(nextBatch(rows(Array<number>(count).fill(length)))).toHaveLength(Math.min(capacity, count))
      }),
    )
  })

  test('has the rows nearest in length to the oldest one; of two equally near rows, the older', () => {
    const near = rows([100, 400, 90, 5, 110, 100, 125])
    expect(idsOf(nextBatch(near))).toEqual([0, 5, 2, 4])
  })

  test('has rows that are due before nearer ones that are not', () => {
    const waiting = rows([300, 301, 301, 320, 320])
    const isDue = (row: (typeof waiting)[number]) => row.ids.length === 320
    expect(idsOf(nextBatch(waiting, undefined, isDue))).toEqual([0, 3, 4])
    expect(idsOf(nextBatch(waiting, undefined, () => false))).toEqual([0, 1, 2])
  })

  test('is a single row if that row exceeds the budget', () => {
    const waiting = rows([3 * MAX_BATCH_TOKENS, 3 * MAX_BATCH_TOKENS, 7])
    expect(idsOf(nextBatch(waiting))).toEqual([0])
  })

  test('takes no more bytes than its budget, unless it is a single row', () => {
    const costs = fc.record({ each: fc.nat(MAX_BATCH_BYTES / 2), more: fc.nat(100_000), label: fc.nat(10_000) })
    fc.assert(
      fc.property(queues, costs, (waiting, { each, more, label }) => {
        const bytesOf: BatchBytes = (count, { length, labels }) => each + count * (more + length + label * labels)
        for (const batch of takeBatches(waiting, bytesOf))
          if (batch.length > 1)
            expect(
              bytesOf(batch.length, { length: Math.max(...lengthsOf(batch)), labels: 2, isMixed: false }),
            ).toBeLessThanOrEqual(MAX_BATCH_BYTES)
      }),
    )
  })

  test('has rows of a single adapter if mixing adapters takes too much memory', () => {
    const bytesOf: BatchBytes = (_, { isMixed }) => (isMixed ? MAX_BATCH_BYTES + 1 : 0)
    const waiting = rows([10, 10, 10, 11, 11], [adapter, adapter, adapterOf(2), adapter, adapterOf(2)])
    expect(idsOf(nextBatch(waiting, bytesOf))).toEqual([0, 1])
    expect(idsOf(nextBatch(waiting))).toEqual([0, 1, 2, 3, 4])
  })

  test('is charged for the labels of the row that has the most', () => {
    const bytesOf: BatchBytes = (count, { labels }) => (count * labels * MAX_BATCH_BYTES) / 10
    expect(idsOf(nextBatch(rows([9, 9, 9, 9], [adapter]), bytesOf))).toEqual([0, 1, 2, 3])
    expect(idsOf(nextBatch(rows([9, 9, 9, 9], [adapter, adapterOf(5)]), bytesOf))).toEqual([0, 1])
  })

  test('is found among 4,096 waiting rows within milliseconds', () => {
    const draw = makeRandom(0, 'lengths')
    const waiting = rows(Array.from({ length: 4096 }, () => 2 + draw.integer(511)))
    const times = Array.from({ length: 50 }, () => {
      const start = performance.now()
      expect(nextBatch(waiting).length).toBeGreaterThan(0)
      return performance.now() - start
    })
    // The median, because the first calls are not compiled yet and other processes use the machine, too.
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(10)
  })

  test('is empty if no rows wait', () => {
    expect(nextBatch([])).toEqual([])
  })
})
