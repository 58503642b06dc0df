import { nextBatch } from './batching.ts'
import type { Mixture, ScoredRow } from './mixture.ts'

/** A row to score, and the weights that score it. */
export interface Job extends ScoredRow {
  mixture: Mixture
  /** Called when its batch begins to be scored. */
  onStart?(): void
}

/** Rows of any adapters wait here; whenever a thread is free it takes the oldest with those of like length. */
export interface Queue {
  /** Rows that wait for a thread. */
  readonly waiting: number
  /** The scores of each row's words. A row that `signal` aborts leaves, unless it runs already. */
  add(jobs: readonly Job[], signal?: AbortSignal): Promise<Float32Array>[]
  /** Fails the rows that wait; those that run are finished. */
  refuse(error: Error): void
}

interface Waiting {
  length: number
  job: Job
  settle(scores: Float32Array): void
  fail(error: unknown): void
}

/** @param threads batches that are scored at a time */
export function openQueue(threads: number): Queue {
  let waiting: Waiting[] = []
  let running = 0

  /** Fills the free threads. Rows of one mixture alone can share a run. */
  const pump = () => {
    while (running < threads && waiting.length > 0) {
      const { mixture } = waiting[0].job
      const batch = nextBatch(waiting.filter(({ job }) => job.mixture === mixture))
      take(new Set(batch))
      running++
      void run(mixture, batch).finally(() => {
        running--
        pump()
      })
    }
  }
  const take = (rows: ReadonlySet<Waiting>) => {
    waiting = waiting.filter((row) => !rows.has(row))
  }

  return {
    get waiting() {
      return waiting.length
    },
    add(jobs, signal) {
      const rows: Waiting[] = []
      const answers = jobs.map(
        (job) => new Promise<Float32Array>((settle, fail) => rows.push({ length: job.ids.length, job, settle, fail })),
      )
      const leave = () => {
        take(new Set(rows))
        for (const { fail } of rows) fail(signal?.reason)
      }
      waiting.push(...rows)
      signal?.addEventListener('abort', leave, { once: true })
      void Promise.allSettled(answers).then(() => signal?.removeEventListener('abort', leave))
      pump()
      return answers
    },
    refuse(error) {
      const refused = waiting
      waiting = []
      for (const { fail } of refused) fail(error)
    },
  }
}

async function run(mixture: Mixture, batch: readonly Waiting[]): Promise<void> {
  try {
    for (const { job } of batch) job.onStart?.()
    const scores = await mixture.score(batch.map(({ job }) => job))
    for (const [i, row] of batch.entries()) row.settle(scores[i])
  } catch (error) {
    for (const row of batch) row.fail(error)
  }
}
