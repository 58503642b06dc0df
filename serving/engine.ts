import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { type Adapter, loadAdapter } from '../checkpoint/adapter.ts'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { fail, type PlainError, toPlain } from '../core/errors.ts'
import { openPool } from '../graph/runtime/pool.ts'
import { softmax } from '../model/batch.ts'
import type { Cut } from '../model/encode.ts'
import { type LabelTokens, labelTokens } from '../model/label-words.ts'
import { ledger } from '../model/ledger.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { answersOf } from './adapter-answers.ts'
import { takeBatch } from './batching.ts'
import type { Engine, Prediction, ServedAdapter } from './engine-types.ts'
import { type Mixture, openMixture, openReplaced, replacesBase } from './mixture.ts'
import { openTokenizer } from './tokenizer-client.ts'

export interface EngineOptions {
  base: string
  /** Folders of adapters. */
  checkpoints: readonly string[]
  /** Threads that run the model; one for each core where absent. */
  threads?: number
  /** Rows that may wait; one more is refused. */
  queue?: number
}

/** An adapter ready to answer. */
interface Answering {
  shown: ServedAdapter
  adapter: Adapter
  labels: LabelTokens
  cut: Cut
  temperature: number
  mixture: Mixture
}

/** A row in the queue. */
interface Waiting {
  length: number
  ids: Int32Array
  by: Answering
  settle(scores: Float32Array): void
  fail(error: unknown): void
}

const QUEUE = 4096

/**
 * Loads a base and its adapters, and answers. Rows of any adapters wait in one queue; whenever a thread is free it takes the oldest with
 * those of like length.
 * @throws GraftError what is wrong with a base or an adapter
 */
export async function openEngine({
  base: folder,
  checkpoints,
  threads = availableParallelism(),
  queue = QUEUE,
}: EngineOptions): Promise<Engine> {
  const base = await loadBase(folder)
  const tokenizerData = { ...requireTokenizer(base), eos: base.t5.eosTokenId }
  const adapters = await Promise.all(checkpoints.map((dir) => loadAdapter(dir, base)))
  const pool = openPool(threads)
  const light = adapters.filter((adapter) => !replacesBase(adapter, base))
  const shared = light.length > 0 ? await openMixture(base, light, pool) : undefined
  const tokenizer = makeTokenizer(tokenizerData.json, tokenizerData.config)
  const answering = new Map<string, Answering>()
  for (const [i, adapter] of adapters.entries()) {
    const id = uniqueName(basename(resolve(checkpoints[i])), answering)
    const mixture = shared && light.includes(adapter) ? shared : await openReplaced(base, adapter, pool)
    const answers = answersOf(adapter, base, id)
    const labels = labelTokens(answers.words, tokenizer)
    answering.set(id, {
      adapter,
      labels,
      mixture,
      cut: answers.cut,
      temperature: answers.temperature,
      shown: shown(id, adapter, labels, base),
    })
  }
  const texts = openTokenizer(tokenizerData)

  const waiting: Waiting[] = []
  let running = 0
  let closing = false

  /** Fills the free threads. Rows of one mixture alone can share a run. */
  const pump = () => {
    while (running < pool.size && waiting.length > 0) {
      const { mixture } = waiting[0].by
      const mine = waiting.filter(({ by }) => by.mixture === mixture)
      const batch = takeBatch(mine)
      const taken = new Set(batch)
      waiting.splice(0, waiting.length, ...waiting.filter((row) => !taken.has(row)))
      running++
      void score(mixture, batch).finally(() => {
        running--
        pump()
      })
    }
  }
  const score = async (mixture: Mixture, batch: readonly Waiting[]) => {
    try {
      const scores = await mixture.score(
        batch.map(({ ids, by }) => ({ ids, adapter: by.adapter, words: by.labels.tokens })),
      )
      for (const [i, row] of batch.entries()) row.settle(scores[i])
    } catch (error) {
      for (const row of batch) row.fail(error)
    }
  }

  const enqueue = (ids: Int32Array, by: Answering, signal?: AbortSignal) =>
    new Promise<Float32Array>((settle, reject) => {
      const row: Waiting = { length: ids.length, ids, by, settle, fail: reject }
      signal?.addEventListener('abort', () => {
        const at = waiting.indexOf(row)
        if (at >= 0) waiting.splice(at, 1)
        reject(signal.reason)
      })
      waiting.push(row)
    })

  return {
    adapters: () => [...answering.values()].map(({ shown }) => shown),
    async classify(rows, signal) {
      if (closing)
        fail('closing', {
          subject: 'this server',
          expected: 'to be running',
          found: 'that it is stopping',
          mend: 'Ask another server.',
        })
      if (waiting.length + rows.length > queue)
        fail('overloaded', {
          subject: 'the queue',
          expected: `at most ${queue} texts`,
          found: `${waiting.length + rows.length}`,
          mend: 'Send fewer at once, or try again in a moment.',
        })
      const asked = rows.map(({ adapter }) => answering.get(adapter) ?? unknown(adapter, answering))
      const encoded = await texts.encode(rows.map(({ text }, i) => ({ text, cut: asked[i].cut })))
      signal?.throwIfAborted()
      const answers = encoded.map(async (row, i): Promise<Prediction | { error: PlainError }> => {
        if ('error' in row) return row
        try {
          const scores = await enqueue(row.ids, asked[i], signal)
          return prediction(scores, asked[i], row)
        } catch (error) {
          if (signal?.aborted) throw error
          return { error: toPlain(error) }
        }
      })
      pump()
      return Promise.all(answers)
    },
    async close() {
      closing = true
      await Promise.all([pool.close(), texts.close()])
    },
  }
}

function prediction(
  scores: Float32Array,
  { labels: { labels }, temperature }: Answering,
  { tokens, truncated }: { tokens: number; truncated: boolean },
): Prediction {
  const probabilities = softmax(scores, temperature)
  const score = Math.max(...probabilities)
  const label = labels[probabilities.indexOf(score)]
  return {
    label,
    score,
    scores: Object.fromEntries(labels.map((name, i) => [name, probabilities[i]])),
    tokens,
    truncated,
  }
}

function shown(id: string, adapter: Adapter, { labels }: LabelTokens, base: Base): ServedAdapter {
  const { method, values, digest, layout, manifest } = adapter
  const { trainable, total } = ledger(method, base.t5)
  const bytes = [...values.values()].reduce((n, { byteLength }) => n + byteLength, 0)
  return {
    id,
    name: id,
    method: method.method,
    base: base.name,
    trainable,
    total,
    digest,
    bytes,
    layout,
    labels,
    metrics: manifest?.metrics,
  }
}

/** Two folders may bear one name. */
function uniqueName(name: string, taken: ReadonlyMap<string, unknown>): string {
  if (!taken.has(name)) return name
  let i = 2
  while (taken.has(`${name}-${i}`)) i++
  return `${name}-${i}`
}

function unknown(id: string, known: ReadonlyMap<string, unknown>): never {
  return fail('adapter_unknown', {
    subject: id,
    expected: `one of ${[...known.keys()].join(', ')}`,
    found: 'no adapter of that name',
    mend: 'See /v1/adapters.',
  })
}
