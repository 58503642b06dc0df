import { makeTurns } from '../core/turns.ts'
import { MAX_BATCH_TOKENS, MAX_SHARED_BATCH_TOKENS, nextBatch } from './batching.ts'
import type { BatchReport } from './engine-types.ts'
import { POINT_COST } from './explanation-cost.ts'
import type { Explainer, Mixture, QueueEntry } from './queue-entry.ts'

/**
 * Entries of any adapters wait here. Each free thread takes the oldest one of the client that has used the fewest
 * tokens, with others of similar length, from any client.
 */
export interface Queue {
  /** Entries that wait for a thread. */
  readonly waiting: number
  /**
   * Returns the logits of each entry's label words or, for a point of an explanation, what its explainer computes.
   * @param signal rejects the entries and removes those that are not running yet from the queue
   */
  add(entries: readonly QueueEntry[], signal?: AbortSignal): Promise<Float32Array>[]
  /** Rejects the waiting entries. Those that are running finish. */
  rejectWaiting(error: Error): void
}

type Settlers = Pick<PromiseWithResolvers<Float32Array>, 'resolve' | 'reject'>

/**
 * @param threads how many batches run at the same time
 * @param onBatch called after each batch
 */
export function openQueue(threads: number, onBatch: (batch: BatchReport) => void = () => {}): Queue {
  /** In the order of arrival. */
  const waiting = new Map<QueueEntry, Settlers>()
  const turns = makeTurns()
  let running = 0

  const remove = (entry: QueueEntry) => {
    if (waiting.delete(entry)) turns.leave(entry.client)
  }

  /** Gives batches to the free threads. A batch holds entries of one mixture only. */
  const startBatches = () => {
    while (running < threads) {
      const first = turns.next(waiting.keys())
      if (!first) return
      const runner = runnerOf(first)
      const others = [...waiting.keys()].filter((entry) => entry !== first && runnerOf(entry) === runner)
      const isDue = ({ client }: QueueEntry) => turns.isDue(client, MAX_BATCH_TOKENS)
      const maxTokens = turns.waitingClients > 1 ? MAX_SHARED_BATCH_TOKENS : MAX_BATCH_TOKENS
      const bytesOf = runner.batchBytes(first.adapter)
      const entries = nextBatch([first, ...others], bytesOf, maxTokens / tokenCostOf(first), isDue)
      const batch = new Map(entries.map((entry) => [entry, waiting.get(entry) as Settlers]))
      for (const entry of entries) {
        turns.charge(entry.client, entry.ids.length * tokenCostOf(entry))
        remove(entry)
      }
      running++
      void runBatch(batch).finally(() => {
        running--
        startBatches()
        onBatch(toReport(entries))
      })
    }
  }

  return {
    get waiting() {
      return waiting.size
    },
    add(entries, signal) {
      const added = entries.map((entry) => [entry, Promise.withResolvers<Float32Array>()] as const)
      for (const [entry, settlers] of added) {
        waiting.set(entry, settlers)
        turns.enter(entry.client)
      }
      const logits = added.map(([, { promise }]) => promise)
      const onAbort = () => {
        for (const [entry, { reject }] of added) {
          remove(entry)
          reject(signal?.reason)
        }
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      void Promise.allSettled(logits).then(() => signal?.removeEventListener('abort', onAbort))
      startBatches()
      return logits
    },
    rejectWaiting(error) {
      for (const [entry, { reject }] of [...waiting]) {
        remove(entry)
        reject(error)
      }
    },
  }
}

/** Returns what runs an entry. Entries with the same runner may share a batch. */
const runnerOf = ({ point, adapter }: QueueEntry): Mixture | Explainer => point?.explainer ?? adapter.mixture

const tokenCostOf = ({ point }: QueueEntry): number => (point ? POINT_COST : 1)

/** Returns the report of a batch that has just ended. */
function toReport(entries: readonly QueueEntry[]): BatchReport {
  return {
    seconds: (performance.now() - entries[0].times.started) / 1000,
    waitSeconds: entries.map(({ times }) => (times.started - times.tokenized) / 1000),
    tokens: entries.reduce((sum, { ids }) => sum + ids.length, 0),
  }
}

async function runBatch(batch: ReadonlyMap<QueueEntry, Settlers>): Promise<void> {
  try {
    const entries = [...batch.keys()]
    const runner = runnerOf(entries[0])
    for (const { times } of entries) times.started = performance.now()
    const results = await ('computePoints' in runner ? runner.computePoints(entries) : runner.computeLogits(entries))
    for (const [i, { resolve }] of [...batch.values()].entries()) resolve(results[i])
  } catch (error) {
    for (const { reject } of batch.values()) reject(error)
  }
}
