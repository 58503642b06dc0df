import { availableParallelism } from 'node:os'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { GraftError, type PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import { withDeadline } from '../core/with-deadline.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { modelOf } from '../model/architectures.ts'
import { softmax } from '../model/batch.ts'
import { MOSTLY_UNKNOWN_SHARE } from '../model/encode.ts'
import { type Hold, openAdapterCache } from './adapter-cache.ts'
import { DEFAULT_MAX_TOKENS } from './adapter-limits.ts'
import { makeAdmission } from './admission.ts'
import { openArena } from './arena.ts'
import { countCharacters, encodeRows } from './encode-rows.ts'
import type { BatchReport, Engine, EngineOptions, Prediction, PredictionDetail, Row } from './engine-types.ts'
import { makeForecast } from './forecast.ts'
import { openLoader } from './loader.ts'
import { openMixtures } from './mixtures.ts'
import { openQueue } from './queue.ts'
import type { QueueEntry, ReadyAdapter } from './queue-entry.ts'
import { openTokenizer } from './tokenizer-client.ts'

type Answer = Prediction | { error: PlainError }

const DEFAULT_QUEUE_CAPACITY = 4096
const DEFAULT_QUEUE_CHARACTERS = 8_000_000
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
  queueCharacters = DEFAULT_QUEUE_CHARACTERS,
  deadlineMs,
  maxTokens = DEFAULT_MAX_TOKENS,
  adapterBytes,
}: EngineOptions): Promise<Engine> {
  const base = typeof baseOrFolder === 'string' ? await loadBase(baseOrFolder) : baseOrFolder
  const tokenizerData = { ...requireTokenizer(base), frame: modelOf(base).frame }
  const arena = openArena(adapterBytes ?? Math.max(MIN_DEFAULT_ADAPTER_BYTES, 2 * bytesOf(base)))
  // Threads start only after all options have been validated, because they keep the process alive.
  const pool = openRuntime(device, threads)
  const tokenizer = openTokenizer(tokenizerData)
  const loader = openLoader({ base, memory: arena.buffer, maxTokens })
  const mixtures = openMixtures(base, pool, device === 'cpu' ? undefined : 0)
  const adapters = openAdapterCache({ base, folderOf, loader, arena, mixtures })
  const batchListeners: ((batch: BatchReport) => void)[] = []
  const queue = openQueue(pool.size, (batch) => {
    for (const listener of batchListeners) listener(batch)
  })
  const admission = makeAdmission({ rows: queueCapacity, characters: queueCharacters }, () => queue.waiting)
  const forecast = makeForecast(deadlineMs ?? Number.POSITIVE_INFINITY)
  let requests = 0
  let closing: Promise<void> | undefined
  const requireOpen = () => {
    if (closing !== undefined) throw shuttingDownError()
  }

  /**
   * Waits for the rows' adapters, then tokenizes each text as its adapter requires. If one of the adapters fails to
   * load, all of these rows fail.
   */
  async function prepare(
    rows: readonly Row[],
    holds: ReadonlyMap<string, Hold>,
    client: string,
    signal: AbortSignal,
  ): Promise<(QueueEntry | { error: PlainError })[]> {
    let ready: ReadyAdapter[]
    try {
      ready = await unlessAborted(Promise.all(rows.map(({ adapter }) => (holds.get(adapter) as Hold).ready)), signal)
    } catch (error) {
      signal.throwIfAborted()
      requireOpen()
      return rows.map(() => ({ error: toPlain(error) }))
    }
    const received = performance.now()
    // If the tokenizer stopped because the engine closes, this throws `shutting_down` instead.
    const encoded = await encodeRows(tokenizer, rows, ready, client, signal).finally(requireOpen)
    signal.throwIfAborted()
    const times = { received, tokenized: performance.now(), started: 0 }
    return encoded.map((result, i) =>
      'error' in result
        ? { error: { ...result.error, subject: rows[i].subject ?? result.error.subject } }
        : { ...result, row: rows[i], adapter: ready[i], client, times: { ...times } },
    )
  }

  async function answerRows(
    rows: readonly Row[],
    client: string,
    signal: AbortSignal,
    countRow: () => void,
  ): Promise<Answer[]> {
    const keys = new Set(rows.map(({ adapter }) => adapter))
    const holds = new Map([...keys].map((key) => [key, adapters.hold(key)]))
    const work = { rows: rows.length, characters: countCharacters(rows) }
    admission.add(work)
    try {
      const prepared = await prepare(rows, holds, client, signal).finally(() => admission.remove(work))
      const entries = prepared.flatMap((entry) => ('error' in entry ? [] : [entry]))
      const logits = queue.add(entries, signal)
      let next = 0
      return await Promise.all(
        prepared.map(async (entry) => {
          const answer = 'error' in entry ? entry : await toAnswer(entry, logits[next++], signal)
          countRow()
          return answer
        }),
      )
    } finally {
      for (const { release } of holds.values()) release()
    }
  }

  return {
    listLoaded: adapters.listLoaded,
    unload: adapters.unload,
    onBatch: (listener) => void batchListeners.push(listener),
    async load(key, dir) {
      requireOpen()
      const { ready, release } = adapters.hold(key, dir)
      try {
        return (await ready).description
      } catch (error) {
        requireOpen()
        throw error
      } finally {
        release()
      }
    },
    async classify(rows, signal, client = `request ${requests++}`) {
      requireOpen()
      // Rows with a loaded adapter do not wait for an adapter that is loading.
      const groups = Map.groupBy(rows.keys(), (i) => (adapters.has(rows[i].adapter) ? undefined : rows[i].adapter))
      const parts = [...groups.values()].map((indices) => ({ indices, rows: indices.map((i) => rows[i]) }))
      const characters = parts.reduce((sum, part) => sum + countCharacters(part.rows), 0)
      admission.require({ rows: rows.length, characters })
      const answers: Answer[] = []
      const late = new AbortController()
      const watched = forecast.watch(client, rows.length, (error) => late.abort(error))
      const answerParts = (aborted: AbortSignal) =>
        parts.map(async (part) => {
          for (const [j, answer] of (await answerRows(part.rows, client, aborted, watched.countRow)).entries())
            answers[part.indices[j]] = answer
        })
      await withDeadline(
        (aborted) => Promise.all(answerParts(aborted)),
        deadlineMs,
        () => timeoutError(deadlineMs),
        signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      ).finally(watched.end)
      return answers
    },
    maxTokens,
    queue: {
      get waiting() {
        return admission.preparing + queue.waiting
      },
      capacity: queueCapacity,
      characters: queueCharacters,
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
async function toAnswer(entry: QueueEntry, logits: Promise<Float32Array>, signal: AbortSignal): Promise<Answer> {
  try {
    return toPrediction(entry, await logits)
  } catch (error) {
    if (signal.aborted || isShuttingDown(error)) throw error
    return { error: toPlain(error) }
  }
}

function toPrediction(entry: QueueEntry, logits: Float32Array): Prediction {
  const { adapter, ids, truncated, unknownShare, row } = entry
  const { labels, temperature } = adapter.description
  const scores = softmax(logits, temperature)
  const score = Math.max(...scores)
  return {
    label: labels[scores.indexOf(score)],
    score,
    scores: Object.fromEntries(labels.map((label, i) => [label, scores[i]])),
    tokens: ids.length,
    truncated,
    ...(unknownShare >= MOSTLY_UNKNOWN_SHARE && { warning: describeUnknown(unknownShare) }),
    ...(row.detailed && { detail: toDetail(entry, logits) }),
  }
}

const describeUnknown = (share: number): string =>
  `Most of this text is unknown to the base: ${Math.round(100 * share)} % of its tokens. It may be in a language that the base has not seen.`

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

const timeoutError = (milliseconds = 0): GraftError =>
  new GraftError('prediction_timeout', {
    subject: 'the prediction',
    problem: `was not complete after ${milliseconds / 1000} seconds, which is the limit`,
    fix: 'Send fewer or shorter texts at once, or try again when the server has less to do.',
  })
