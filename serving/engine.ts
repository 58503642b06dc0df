import { availableParallelism } from 'node:os'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { GraftError, type PlainError } from '../core/errors.ts'
import { type FreeList, makeFreeList } from '../core/free-list.ts'
import { toPlain } from '../core/to-plain.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import { withDeadline } from '../core/with-deadline.ts'
import type { Pool } from '../graph/runtime/pool.ts'
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
import { explain } from './explain.ts'
import { EXPLANATION_COST } from './explanation-cost.ts'
import { makeForecast } from './forecast.ts'
import { openLoader, startHere } from './loader.ts'
import { openMixtures } from './mixtures.ts'
import { requireDeviceFor } from './precision.ts'
import { openQueue } from './queue.ts'
import type { QueueEntry, ReadyAdapter } from './queue-entry.ts'
import { prepareBase } from './served-base.ts'
import { openTokenizer, openTokenizerHere } from './tokenizer-client.ts'

type Answer = Prediction | { error: PlainError }

/** The things that all rows of a request share. */
interface Request {
  readonly client: string
  readonly signal: AbortSignal
  /** Counts a row that has been classified. */
  countRow(): void
  /** The explanations that may be in progress at the same time. */
  readonly places: FreeList<number>
}

const DEFAULT_QUEUE_CAPACITY = 4096
const DEFAULT_QUEUE_CHARACTERS = 8_000_000
const MIN_DEFAULT_ADAPTER_BYTES = 512 * 2 ** 20

/**
 * Loads a base and classifies rows with any adapters on it. Rows wait in one queue. Each free thread takes the oldest
 * row together with rows of similar length.
 * @throws GraftError if the base is invalid; `precision_unsupported` if the device cannot compute in the precision
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { threads = availableParallelism(), device = 'cpu', precision = 'f32', ...others } = options
  requireDeviceFor(precision, device)
  // The threads start while the base is read.
  const pool = openRuntime(device, threads)
  try {
    return await openEngineOn(pool, { ...others, device, precision })
  } catch (error) {
    await pool.close()
    throw error
  }
}

async function openEngineOn(
  pool: Pool,
  {
    base: given,
    folderOf,
    device,
    precision,
    queueCapacity = DEFAULT_QUEUE_CAPACITY,
    queueCharacters = DEFAULT_QUEUE_CHARACTERS,
    deadlineMs,
    maxTokens = DEFAULT_MAX_TOKENS,
    adapterBytes,
    alone = false,
  }: EngineOptions & Required<Pick<EngineOptions, 'device' | 'precision'>>,
): Promise<Engine> {
  const base = typeof given === 'string' ? await loadBase(given) : await given
  const tokenizerData = { ...requireTokenizer(base), frame: modelOf(base).frame }
  const arena = openArena(adapterBytes ?? Math.max(MIN_DEFAULT_ADAPTER_BYTES, 2 * bytesOf(base)))
  const tokenizer = alone ? openTokenizerHere(tokenizerData) : openTokenizer(tokenizerData)
  const mixtures = openMixtures(prepareBase(base, precision), pool, device === 'cpu' ? undefined : 0)
  // While an adapter is validated, its program is compiled.
  const loader = openLoader(
    { base, memory: arena.buffer, maxTokens, precision },
    { start: alone ? startHere : undefined, onMethod: mixtures.prepare },
  )
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

  async function answerRows(rows: readonly Row[], { client, signal, countRow, places }: Request): Promise<Answer[]> {
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
          if ('error' in entry) {
            countRow()
            return entry
          }
          return answerEntry(entry, logits[next++].finally(countRow), places, signal)
        }),
      )
    } finally {
      for (const { release } of holds.values()) release()
    }
  }

  /** Answers an entry. A failure becomes the answer, unless it applies to the whole request. */
  async function answerEntry(
    entry: QueueEntry,
    logits: Promise<Float32Array>,
    places: Request['places'],
    signal: AbortSignal,
  ): Promise<Answer> {
    try {
      const prediction = toPrediction(entry, await logits)
      if (!entry.row.explained) return prediction
      const place = await places.acquire(signal)
      try {
        const compute = (points: QueueEntry[]) => queue.add(points, signal)
        return { ...prediction, explanation: await explain(entry, await logits, compute, signal) }
      } finally {
        places.release(place)
      }
    } catch (error) {
      signal.throwIfAborted()
      if (isShuttingDown(error)) throw error
      return { error: toPlain(error) }
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
      const explanations = { rows: EXPLANATION_COST * rows.filter(({ explained }) => explained).length, characters: 0 }
      admission.require({ rows: rows.length + explanations.rows, characters })
      admission.add(explanations)
      const answers: Answer[] = []
      const late = new AbortController()
      const watched = forecast.watch(client, rows.length, (error) => late.abort(error))
      const places = makeFreeList(Array(pool.size).keys())
      const answerParts = (aborted: AbortSignal) =>
        parts.map(async (part) => {
          const request = { client, signal: aborted, countRow: watched.countRow, places }
          for (const [j, answer] of (await answerRows(part.rows, request)).entries()) answers[part.indices[j]] = answer
        })
      await withDeadline(
        (aborted) => Promise.all(answerParts(aborted)),
        deadlineMs,
        () => timeoutError(deadlineMs),
        signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      ).finally(() => {
        watched.end()
        admission.remove(explanations)
      })
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
