import { nextBatch } from './batching.ts'
import type { Mixture, QueueEntry } from './queue-entry.ts'

/** Entries of any adapters wait here. Each free thread takes the oldest one with others of similar length. */
export interface Queue {
  /** Entries that wait for a thread. */
  readonly waiting: number
  /**
   * Returns the logits of each entry's label words.
   * @param signal rejects the entries and removes those that are not running yet from the queue
   */
  add(entries: readonly QueueEntry[], signal?: AbortSignal): Promise<Float32Array>[]
  /** Rejects the waiting entries. Those that are running finish. */
  rejectWaiting(error: Error): void
}

type Settlers = Pick<PromiseWithResolvers<Float32Array>, 'resolve' | 'reject'>

/** @param threads how many batches run at the same time */
export function openQueue(threads: number): Queue {
  /** In the order of arrival. */
  const waiting = new Map<QueueEntry, Settlers>()
  let running = 0

  /** Gives batches to the free threads. A batch holds entries of one mixture only. */
  const startBatches = () => {
    while (running < threads && waiting.size > 0) {
      const [{ adapter: oldest }] = waiting.keys()
      const candidates = [...waiting.keys()].filter(({ adapter }) => adapter.mixture === oldest.mixture)
      const batch = new Map(nextBatch(candidates).map((entry) => [entry, waiting.get(entry) as Settlers]))
      for (const entry of batch.keys()) waiting.delete(entry)
      running++
      void runBatch(oldest.mixture, batch).finally(() => {
        running--
        startBatches()
      })
    }
  }

  return {
    get waiting() {
      return waiting.size
    },
    add(entries, signal) {
      const added = entries.map((entry) => [entry, Promise.withResolvers<Float32Array>()] as const)
      for (const [entry, settlers] of added) waiting.set(entry, settlers)
      const logits = added.map(([, { promise }]) => promise)
      const onAbort = () => {
        for (const [entry, { reject }] of added) {
          waiting.delete(entry)
          reject(signal?.reason)
        }
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      void Promise.allSettled(logits).then(() => signal?.removeEventListener('abort', onAbort))
      startBatches()
      return logits
    },
    rejectWaiting(error) {
      const rejected = [...waiting.values()]
      waiting.clear()
      for (const { reject } of rejected) reject(error)
    },
  }
}

async function runBatch(mixture: Mixture, batch: ReadonlyMap<QueueEntry, Settlers>): Promise<void> {
  try {
    const entries = [...batch.keys()]
    for (const { times } of entries) times.started = performance.now()
    const logits = await mixture.computeLogits(entries)
    for (const [i, { resolve }] of [...batch.values()].entries()) resolve(logits[i])
  } catch (error) {
    for (const { reject } of batch.values()) reject(error)
  }
}
