import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { random } from '../../core/random.ts'
import { BATCH_TOKENS, longestBeside, nextBatch } from '../../serving/batching.ts'

interface Row {
  id: number
  length: number
}

const rows = (lengths: readonly number[]): Row[] => lengths.map((length, id) => ({ id, length }))
const lengthsOf = (batch: readonly Row[]) => batch.map(({ length }) => length)
const idsOf = (batch: readonly Row[]) => batch.map(({ id }) => id)

/** Rows as they wait: of any length, beyond a batch's budget as well, and many of nearly one length. */
const queues = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 2 * BATCH_TOKENS }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 100, max: 130 }),
    ),
    { minLength: 1, maxLength: 200, size: 'max' },
  )
  .map(rows)

/** The batches until nobody waits. */
function drained(queue: readonly Row[]): Row[][] {
  let waiting = queue
  const batches: Row[][] = []
  while (waiting.length > 0) {
    const batch = nextBatch(waiting)
    waiting = waiting.filter((row) => !batch.includes(row))
    if (batch.length === 0) throw new Error('a batch without rows while rows wait')
    batches.push(batch)
  }
  return batches
}

describe('of the rows that wait', () => {
  test('every one is taken once', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        const ids = idsOf(waiting)
        const taken = drained(waiting).flatMap(idsOf)
        expect(taken.sort((a, b) => a - b)).toEqual(ids)
      }),
    )
  })

  test('the one that waits longest is always in the next batch', () => {
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
  test('holds no more tokens than its budget, padding included, unless it is one long row', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        for (const batch of drained(waiting))
          if (batch.length > 1) expect(batch.length * Math.max(...lengthsOf(batch))).toBeLessThanOrEqual(BATCH_TOKENS)
      }),
    )
  })

  test('pads no row beyond the stretch, so that one long text does not slow many short ones', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        for (const batch of drained(waiting))
          expect(Math.max(...lengthsOf(batch))).toBeLessThanOrEqual(longestBeside(Math.min(...lengthsOf(batch))))
      }),
    )
  })

  test('is as full as the budget allows where all rows are of one length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: BATCH_TOKENS }), fc.integer({ min: 1, max: 300 }), (length, count) => {
        const room = Math.floor(BATCH_TOKENS / length)
        expect(nextBatch(rows(Array<number>(count).fill(length)))).toHaveLength(Math.min(room, count))
      }),
    )
  })

  test('takes the rows nearest in length to the oldest, the older of two that are equally near', () => {
    const near = rows([100, 400, 90, 5, 110, 100, 125])
    expect(idsOf(nextBatch(near))).toEqual([0, 5, 2, 4])
  })

  test('is one row where that alone is beyond the budget', () => {
    const waiting = rows([3 * BATCH_TOKENS, 3 * BATCH_TOKENS, 7])
    expect(idsOf(nextBatch(waiting))).toEqual([0])
  })

  test('is found within a millisecond or so among 4,096 rows that wait', () => {
    const draw = random(0, 'lengths')
    const waiting = rows(Array.from({ length: 4096 }, () => 2 + draw.integer(511)))
    const times = Array.from({ length: 50 }, () => {
      const begun = performance.now()
      expect(nextBatch(waiting).length).toBeGreaterThan(0)
      return performance.now() - begun
    })
    // The middle one: the first are not compiled yet, and others use the machine as well.
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(2)
  })

  test('has no rows where nobody waits', () => {
    expect(nextBatch([])).toEqual([])
  })
})
