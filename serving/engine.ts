import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { type Adapter, loadAdapter } from '../checkpoint/adapter.ts'
import { type Base, loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError, toPlain } from '../core/errors.ts'
import type { DeviceKind } from '../graph/runtime/device-description.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { softmax } from '../model/batch.ts'
import type { Encoded } from '../model/encode.ts'
import { type LabelTokens, labelTokens } from '../model/label-words.ts'
import { ledger } from '../model/ledger.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { type Answers, answersOf } from './adapter-answers.ts'
import type { Engine, Prediction, ServedAdapter } from './engine-types.ts'
import { type Mixture, openMixture, openReplaced, replacesBase } from './mixture.ts'
import { openQueue } from './queue.ts'
import { openTokenizer } from './tokenizer-client.ts'

export interface EngineOptions {
  /** A base, or its folder. */
  base: string | Base
  /** Folders of adapters. */
  checkpoints: readonly string[]
  /** Threads that run the model; one for each core where absent. */
  threads?: number
  /** Where the model runs; the CPU where absent. */
  device?: DeviceKind
  /** Rows that may wait; one more is refused. */
  queue?: number
}

/** An adapter that was read and checked. */
interface Served extends Answers {
  shown: ServedAdapter
  adapter: Adapter
  labels: LabelTokens
}

/** An adapter ready to answer. */
interface Answering extends Served {
  mixture: Mixture
}

const QUEUE = 4096

/**
 * Loads a base and its adapters, and answers. Rows of any adapters wait in one queue; whenever a thread is free it takes the oldest with
 * those of like length.
 * @throws GraftError what is wrong with a base or an adapter
 */
export async function openEngine({
  base: given,
  checkpoints,
  threads = availableParallelism(),
  device = 'cpu',
  queue: room = QUEUE,
}: EngineOptions): Promise<Engine> {
  const base = typeof given === 'string' ? await loadBase(given) : given
  const tokenizerData = { ...requireTokenizer(base), eos: base.t5.eosTokenId }
  const tokenizer = makeTokenizer(tokenizerData.json, tokenizerData.config)
  const adapters = await Promise.all(checkpoints.map((dir) => loadAdapter(dir, base)))
  const ids = uniqueNames(checkpoints.map((dir) => basename(resolve(dir))))
  const served = adapters.map((adapter, i): Served => {
    const answers = answersOf(adapter, base, ids[i])
    const labels = named(ids[i], () => labelTokens(answers.words, tokenizer))
    return { ...answers, adapter, labels, shown: shown(ids[i], adapter, labels, base) }
  })
  // Threads only once nothing can be wrong with what was given: they would keep the process from ending.
  const pool = openRuntime(device, threads)
  const answering = await mixed(served, base, pool).catch(async (error) => {
    await pool.close()
    throw error
  })
  const texts = openTokenizer(tokenizerData)
  const queue = openQueue(pool.size)
  let encoding = 0
  let closing: Promise<void> | undefined
  const requireOpen = () => {
    if (closing !== undefined) throw stopping()
  }

  return {
    adapters: () => served.map(({ shown }) => shown),
    async classify(rows, signal) {
      requireOpen()
      signal?.throwIfAborted()
      const waiting = encoding + queue.waiting
      if (waiting + rows.length > room) overloaded(room, waiting, rows.length)
      const asked = rows.map(({ adapter }) => answering.get(adapter) ?? unknown(adapter, ids))
      encoding += rows.length
      const read = rows.map(({ text }, i) => ({ text, cut: asked[i].cut }))
      const encoded = await texts.encode(read, signal).finally(() => {
        encoding -= rows.length
        // A tokenizer that was ended is no fault.
        requireOpen()
      })
      signal?.throwIfAborted()
      const jobs = encoded.flatMap((row, i) =>
        'error' in row ? [] : [{ ...asked[i], ids: row.ids, words: asked[i].labels.tokens }],
      )
      const scores = queue.add(jobs, signal)
      let next = 0
      return Promise.all(
        encoded.map((row, i) => ('error' in row ? row : answer(scores[next++], asked[i], row, signal))),
      )
    },
    close() {
      closing ??= (async () => {
        queue.refuse(stopping())
        await Promise.all([pool.close(), texts.close()])
      })()
      return closing
    },
  }
}

/** Adapters that change the base share one mixture; each that replaces it has its own. */
async function mixed(served: readonly Served[], base: Base, pool: Pool): Promise<ReadonlyMap<string, Answering>> {
  const light = served.flatMap(({ adapter }) => (replacesBase(adapter, base) ? [] : [adapter]))
  const shared = light.length > 0 ? await openMixture(base, light, pool) : undefined
  const answering = new Map<string, Answering>()
  for (const one of served) {
    const mixture = shared && light.includes(one.adapter) ? shared : await openReplaced(base, one.adapter, pool)
    answering.set(one.shown.id, { ...one, mixture })
  }
  return answering
}

/** A row's failure is its own, unless it is that of the whole request. */
async function answer(
  scores: Promise<Float32Array>,
  by: Served,
  row: Encoded,
  signal?: AbortSignal,
): Promise<Prediction | { error: PlainError }> {
  try {
    return prediction(await scores, by, row)
  } catch (error) {
    if (signal?.aborted || isStopping(error)) throw error
    return { error: toPlain(error) }
  }
}

function prediction(
  scores: Float32Array,
  { labels: { labels }, temperature }: Served,
  { ids, truncated }: Encoded,
): Prediction {
  const probabilities = softmax(scores, temperature)
  const score = Math.max(...probabilities)
  const label = labels[probabilities.indexOf(score)]
  return {
    label,
    score,
    scores: Object.fromEntries(labels.map((name, i) => [name, probabilities[i]])),
    tokens: ids.length,
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

/** Two folders may bear one name: the second `x` is `x-2`. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}-${i}`
    taken.add(free)
    return free
  })
}

/** Runs a check, whose error shall tell which adapter it is about. */
function named<T>(id: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return fail(error.code, { ...error.detail, subject: `${id}, ${error.detail.subject}` }, error)
  }
}

const stopping = (): GraftError =>
  new GraftError('closing', {
    subject: 'the engine',
    expected: 'one that runs',
    found: 'one that is stopping',
    mend: 'Try again when it has started anew.',
  })

const isStopping = (error: unknown): boolean => error instanceof GraftError && error.code === 'closing'

function overloaded(room: number, waiting: number, asked: number): never {
  fail('overloaded', {
    subject: 'the queue',
    expected: `room for ${asked} texts`,
    found: `room for ${Math.max(0, room - waiting)}`,
    mend: asked > room ? `Send at most ${room} at once.` : 'Send fewer at once, or try again in a moment.',
  })
}

function unknown(id: string, known: readonly string[]): never {
  return fail('adapter_unknown', {
    subject: id,
    expected: `one of ${known.join(', ')}`,
    found: 'no adapter of that name',
    mend: 'See /v1/adapters.',
  })
}
