import { availableParallelism } from 'node:os'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError, toPlain } from '../core/errors.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { softmax } from '../model/batch.ts'
import type { Encoded } from '../model/encode.ts'
import { type Hold, openAdapterCache, type ReadyAdapter } from './adapter-cache.ts'
import { openArena } from './arena.ts'
import type { Engine, EngineOptions, Prediction, PredictionDetail, Row } from './engine-types.ts'
import { openLoader } from './loader.ts'
import { openMixtures } from './mixtures.ts'
import { type Job, openQueue } from './queue.ts'
import { openTokenizer } from './tokenizer-client.ts'
import { unlessAborted } from './unless-aborted.ts'

type Answer = Prediction | { error: PlainError }

const QUEUE = 4096
const ADAPTER_BYTES = 512 * 2 ** 20

/**
 * Loads a base and answers rows by any adapters on it. Rows wait in one queue; whenever a thread is free it takes the oldest with those of
 * like length.
 * @throws GraftError what is wrong with the base
 */
export async function openEngine({
  base: given,
  folderOf,
  threads = availableParallelism(),
  device = 'cpu',
  queue: room = QUEUE,
  adapterBytes,
}: EngineOptions): Promise<Engine> {
  const base = typeof given === 'string' ? await loadBase(given) : given
  const tokenizerData = { ...requireTokenizer(base), eos: base.t5.eosTokenId }
  const arena = openArena(adapterBytes ?? Math.max(ADAPTER_BYTES, 2 * bytesOf(base)))
  // Threads only once nothing can be wrong with what was given: they would keep the process from ending.
  const pool = openRuntime(device, threads)
  const texts = openTokenizer(tokenizerData)
  const loader = openLoader({ base, memory: arena.buffer })
  const adapters = openAdapterCache({ base, folderOf, loader, arena, mixtures: openMixtures(base, pool) })
  const queue = openQueue(pool.size)
  /** Rows whose adapter is being loaded or whose text is being read. */
  let preparing = 0
  let closing: Promise<void> | undefined
  const requireOpen = () => {
    if (closing !== undefined) throw stopping()
  }
  const waiting = () => preparing + queue.waiting

  /** Reads the texts as their adapters do, which are loaded first. A failure to load is that of all rows here. */
  async function prepare(
    rows: readonly Row[],
    holds: ReadonlyMap<string, Hold>,
    signal?: AbortSignal,
  ): Promise<(Question | { error: PlainError })[]> {
    let by: ReadyAdapter[]
    try {
      by = await unlessAborted(Promise.all(rows.map(({ adapter }) => (holds.get(adapter) as Hold).ready)), signal)
    } catch (error) {
      signal?.throwIfAborted()
      requireOpen()
      return rows.map(() => ({ error: toPlain(error) }))
    }
    const begun = performance.now()
    const asked = rows.map(({ text, truncationSide }, i) => ({
      text,
      truncation: truncationSide ? { ...by[i].truncation, side: truncationSide } : by[i].truncation,
    }))
    // A tokenizer that was ended is no fault.
    const encoded = await texts.encode(asked, signal).finally(requireOpen)
    signal?.throwIfAborted()
    const times = { begun, read: performance.now(), started: 0 }
    return encoded.map((text, i) => ('error' in text ? text : { by: by[i], row: rows[i], text, times: { ...times } }))
  }

  async function answer(rows: readonly Row[], signal?: AbortSignal): Promise<Answer[]> {
    const keys = new Set(rows.map(({ adapter }) => adapter))
    const holds = new Map([...keys].map((key) => [key, adapters.hold(key)]))
    preparing += rows.length
    try {
      const questions = await prepare(rows, holds, signal).finally(() => {
        preparing -= rows.length
      })
      const jobs = questions.flatMap((question) => ('error' in question ? [] : [jobOf(question)]))
      const scores = queue.add(jobs, signal)
      let next = 0
      return await Promise.all(questions.map((row) => ('error' in row ? row : answered(row, scores[next++], signal))))
    } finally {
      for (const { release } of holds.values()) release()
    }
  }

  return {
    loaded: adapters.loaded,
    forget: adapters.forget,
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
      if (waiting() + rows.length > room) overloaded(room, waiting(), rows.length)
      // Rows whose adapter is there do not wait for one that is being loaded.
      const places = Map.groupBy(rows.keys(), (i) => (adapters.has(rows[i].adapter) ? undefined : rows[i].adapter))
      const answers: Answer[] = []
      await Promise.all(
        [...places.values()].map(async (indices) => {
          const own = indices.map((i) => rows[i])
          for (const [j, one] of (await answer(own, signal)).entries()) answers[indices[j]] = one
        }),
      )
      return answers
    },
    queue: {
      get waiting() {
        return waiting()
      },
      room,
    },
    close() {
      closing ??= (async () => {
        queue.refuse(stopping())
        adapters.close(stopping())
        await Promise.all([pool.close(), texts.close(), loader.close()])
      })()
      return closing
    },
  }
}

interface Question {
  by: ReadyAdapter
  row: Row
  text: Encoded
  /** When its text began to be read, was read, and began to be scored. */
  times: { begun: number; read: number; started: number }
}

const jobOf = ({ by, text: { ids }, times }: Question): Job => ({
  ids,
  adapter: by,
  words: by.words,
  mixture: by.mixture,
  onStart() {
    times.started = performance.now()
  },
})

/** A row's failure is its own, unless it is that of the whole request. */
async function answered(question: Question, scores: Promise<Float32Array>, signal?: AbortSignal): Promise<Answer> {
  try {
    return prediction(await scores, question)
  } catch (error) {
    if (signal?.aborted || isStopping(error)) throw error
    return { error: toPlain(error) }
  }
}

function prediction(scores: Float32Array, question: Question): Prediction {
  const { by, text, row } = question
  const { labels } = by.description
  const probabilities = softmax(scores, by.temperature)
  const score = Math.max(...probabilities)
  return {
    label: labels[probabilities.indexOf(score)],
    score,
    scores: Object.fromEntries(labels.map((name, i) => [name, probabilities[i]])),
    tokens: text.ids.length,
    truncated: text.truncated,
    ...(row.detailed && { detail: detailOf(scores, question) }),
  }
}

function detailOf(scores: Float32Array, { by, text, times }: Question): PredictionDetail {
  return {
    logits: Object.fromEntries(by.description.labels.map((name, i) => [name, scores[i]])),
    tokens: text.tokens,
    times: {
      tokenization: times.read - times.begun,
      queue: times.started - times.read,
      inference: performance.now() - times.started,
    },
  }
}

const bytesOf = ({ tensors }: Base): number => [...tensors.values()].reduce((n, { byteLength }) => n + byteLength, 0)

const stopping = (): GraftError =>
  new GraftError('shutting_down', {
    subject: 'the engine',
    expected: 'one that runs',
    found: 'one that is stopping',
    fix: 'Try again when it has started anew.',
  })

const isStopping = (error: unknown): boolean => error instanceof GraftError && error.code === 'shutting_down'

function overloaded(room: number, waiting: number, asked: number): never {
  fail('overloaded', {
    subject: 'the queue',
    expected: `room for ${asked} texts`,
    found: `room for ${Math.max(0, room - waiting)}`,
    fix: asked > room ? `Send at most ${room} at once.` : 'Send fewer at once, or try again in a moment.',
  })
}
