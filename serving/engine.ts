import { availableParallelism } from 'node:os'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError, toPlain } from '../core/errors.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { modelOf } from '../model/architectures.ts'
import { softmax } from '../model/batch.ts'
import { type Hold, openAdapterCache } from './adapter-cache.ts'
import { openArena } from './arena.ts'
import type { Engine, EngineOptions, Prediction, PredictionDetail, Row } from './engine-types.ts'
import { openLoader } from './loader.ts'
import { openMixtures } from './mixtures.ts'
import { openQueue } from './queue.ts'
import type { QueueEntry, ReadyAdapter } from './queue-entry.ts'
import { openTokenizer } from './tokenizer-client.ts'

type Answer = Prediction | { error: PlainError }

const DEFAULT_QUEUE_CAPACITY = 4096
const MIN_DEFAULT_ADAPTER_BYTES = 512 * 2 ** 20

/**
 * Loads a base and classifies rows with any adapters on it. Rows wait in one queue. Each free thread takes the oldest
 * row together with rows of similar length.
 * @throws GraftError if the base is invalid
 */
export async function openEngine({
  base: baseOrFolder,
  folderOf,
  threads = availableParallelism(),
  device = 'cpu',
  queueCapacity = DEFAULT_QUEUE_CAPACITY,
  adapterBytes,
}: EngineOptions): Promise<Engine> {
  const base = typeof baseOrFolder === 'string' ? await loadBase(baseOrFolder) : baseOrFolder
  const tokenizerData = { ...requireTokenizer(base), frame: modelOf(base).frame }
  const arena = openArena(adapterBytes ?? Math.max(MIN_DEFAULT_ADAPTER_BYTES, 2 * bytesOf(base)))
  // Threads start only after all options have been validated, because they keep the process alive.
  const pool = openRuntime(device, threads)
  const tokenizer = openTokenizer(tokenizerData)
  const loader = openLoader({ base, memory: arena.buffer })
  const adapters = openAdapterCache({ base, folderOf, loader, arena, mixtures: openMixtures(base, pool) })
  const queue = openQueue(pool.size)
  /** Rows that wait for their adapter or for the tokenizer. */
  let preparing = 0
  let closing: Promise<void> | undefined
  const requireOpen = () => {
    if (closing !== undefined) throw shuttingDownError()
  }
  const countWaiting = () => preparing + queue.waiting

  /**
   * Waits for the rows' adapters, then tokenizes each text as its adapter requires. If one of the adapters fails to
   * load, all of these rows fail.
   */
  async function prepare(
    rows: readonly Row[],
    holds: ReadonlyMap<string, Hold>,
    signal?: AbortSignal,
  ): Promise<(QueueEntry | { error: PlainError })[]> {
    let ready: ReadyAdapter[]
    try {
      ready = await unlessAborted(Promise.all(rows.map(({ adapter }) => (holds.get(adapter) as Hold).ready)), signal)
    } catch (error) {
      signal?.throwIfAborted()
      requireOpen()
      return rows.map(() => ({ error: toPlain(error) }))
    }
    const received = performance.now()
    const texts = rows.map(({ text, truncationSide }, i) => {
      const { truncation } = ready[i]
      return { text, truncation: truncationSide ? { ...truncation, side: truncationSide } : truncation }
    })
    // If the tokenizer stopped because the engine closes, this throws `shutting_down` instead.
    const encoded = await tokenizer.encode(texts, signal).finally(requireOpen)
    signal?.throwIfAborted()
    const times = { received, tokenized: performance.now(), started: 0 }
    return encoded.map((result, i) =>
      'error' in result
        ? { error: { ...result.error, subject: rows[i].subject ?? result.error.subject } }
        : { ...result, row: rows[i], adapter: ready[i], times: { ...times } },
    )
  }

  async function answerRows(rows: readonly Row[], signal?: AbortSignal): Promise<Answer[]> {
    const keys = new Set(rows.map(({ adapter }) => adapter))
    const holds = new Map([...keys].map((key) => [key, adapters.hold(key)]))
    preparing += rows.length
    try {
      const prepared = await prepare(rows, holds, signal).finally(() => {
        preparing -= rows.length
      })
      const entries = prepared.flatMap((entry) => ('error' in entry ? [] : [entry]))
      const logits = queue.add(entries, signal)
      let next = 0
      return await Promise.all(
        prepared.map((entry) => ('error' in entry ? entry : toAnswer(entry, logits[next++], signal))),
      )
    } finally {
      for (const { release } of holds.values()) release()
    }
  }

  return {
    listLoaded: adapters.listLoaded,
    unload: adapters.unload,
    async load(key) {
      requireOpen()
      const { ready, release } = adapters.hold(key)
      try {
        return (await ready).description
      } catch (error) {
        requireOpen()
        throw error
      } finally {
        release()
      }
    },
    async classify(rows, signal) {
      requireOpen()
      signal?.throwIfAborted()
      if (countWaiting() + rows.length > queueCapacity) throwOverloaded(queueCapacity, countWaiting(), rows.length)
      // Rows with a loaded adapter do not wait for an adapter that is loading.
      const groups = Map.groupBy(rows.keys(), (i) => (adapters.has(rows[i].adapter) ? undefined : rows[i].adapter))
      const answers: Answer[] = []
      await Promise.all(
        [...groups.values()].map(async (indices) => {
          const group = indices.map((i) => rows[i])
          for (const [j, answer] of (await answerRows(group, signal)).entries()) answers[indices[j]] = answer
        }),
      )
      return answers
    },
    queue: {
      get waiting() {
        return countWaiting()
      },
      capacity: queueCapacity,
    },
    close() {
      closing ??= (async () => {
        queue.rejectWaiting(shuttingDownError())
        adapters.close(shuttingDownError())
        await Promise.all([pool.close(), tokenizer.close(), loader.close()])
      })()
      return closing
    },
  }
}

/** Awaits a row's logits. A failure becomes the answer of the row, unless it applies to the whole request. */
async function toAnswer(entry: QueueEntry, logits: Promise<Float32Array>, signal?: AbortSignal): Promise<Answer> {
  try {
    return toPrediction(entry, await logits)
  } catch (error) {
    if (signal?.aborted || isShuttingDown(error)) throw error
    return { error: toPlain(error) }
  }
}

function toPrediction(entry: QueueEntry, logits: Float32Array): Prediction {
  const { adapter, ids, truncated, row } = entry
  const { labels, temperature } = adapter.description
  const scores = softmax(logits, temperature)
  const score = Math.max(...scores)
  return {
    label: labels[scores.indexOf(score)],
    score,
    scores: Object.fromEntries(labels.map((label, i) => [label, scores[i]])),
    tokens: ids.length,
    truncated,
    ...(row.detailed && { detail: toDetail(entry, logits) }),
  }
}

function toDetail({ adapter, tokens, times }: QueueEntry, logits: Float32Array): PredictionDetail {
  return {
    logits: Object.fromEntries(adapter.description.labels.map((label, i) => [label, logits[i]])),
    tokens,
    times: {
      tokenization: times.tokenized - times.received,
      queue: times.started - times.tokenized,
      inference: performance.now() - times.started,
    },
  }
}

const bytesOf = ({ tensors }: Base): number => [...tensors.values()].reduce((n, { byteLength }) => n + byteLength, 0)

const shuttingDownError = (): GraftError =>
  new GraftError('shutting_down', {
    subject: 'the engine',
    problem: 'is shutting down',
    fix: 'Try again after it has restarted.',
  })

const isShuttingDown = (error: unknown): boolean => error instanceof GraftError && error.code === 'shutting_down'

function throwOverloaded(capacity: number, waiting: number, requested: number): never {
  fail('overloaded', {
    subject: 'the queue',
    problem: `has room for only ${Math.max(0, capacity - waiting)} of the ${requested} texts`,
    fix: requested > capacity ? `Send at most ${capacity} at once.` : 'Send fewer at once, or try again in a moment.',
  })
}
