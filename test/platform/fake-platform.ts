import { createHash } from 'node:crypto'
import { fail, type PlainError } from '../../core/errors.ts'
import type { LogContext } from '../../core/logger.ts'
import { T5_SMALL } from '../../model/t5/config.ts'
import type { Platform } from '../../platform/platform.ts'
import { deleteAdapter, insertAdapter, type NewAdapter, selectAdapterPage } from '../../platform/store/adapters.ts'
import { deleteAlias, selectAliasPage } from '../../platform/store/aliases.ts'
import { ensureBase } from '../../platform/store/bases.ts'
import type { Store } from '../../platform/store/store.ts'
import type { Engine, Prediction, Row } from '../../serving/engine-types.ts'
import { sharedEmbeddedStore } from '../contract/store/embedded.ts'

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Returns an adapter's row for this name. */
export const adapterRow = (name: string, base_id: string): NewAdapter => ({
  name,
  base_id,
  method: 'lora',
  trainable: 294_912,
  total: 60_801_536,
  digest: digestOf(`weights of ${name}`),
  artifact: digestOf(`folder of ${name}`),
  bytes: 1_179_648,
  layout: 'peft',
  labels: ['negative', 'positive'],
})

export interface FakeEngine extends Engine {
  /** The rows of each call. */
  readonly calls: (readonly Row[])[]
  /** Calls that their signal aborted. */
  readonly cancelled: (readonly Row[])[]
  /** Every call waits for it. */
  gate: Promise<void>
  /** Rows that may still be added. A call with more is rejected. */
  freeRows: number
}

/** An engine that labels a text positive if it contains `good`. The longer an adapter's name, the higher its scores. */
export function fakeEngine(names: readonly string[]): FakeEngine {
  const nameOf = new Map(names.map((name) => [digestOf(`folder of ${name}`), name]))
  const capacity = 10_000
  const listeners: Parameters<Engine['onBatch']>[0][] = []
  const engine: FakeEngine = {
    calls: [],
    cancelled: [],
    gate: Promise.resolve(),
    freeRows: capacity,
    listLoaded: () => [],
    load: () => Promise.reject(new Error('the fake engine loads nothing')),
    unload: async () => {},
    onBatch: (listener) => void listeners.push(listener),
    maxTokens: 2048,
    get queue() {
      return { waiting: capacity - engine.freeRows, capacity, characters: 8_000_000 }
    },
    async classify(rows, signal) {
      engine.calls.push(rows)
      if (rows.length > engine.freeRows)
        fail('overloaded', { subject: 'the queue', problem: 'is full', fix: 'Try again in a moment.' })
      engine.freeRows -= rows.length
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => {
          engine.cancelled.push(rows)
          reject(signal.reason)
        })
      })
      await Promise.race([engine.gate, aborted]).finally(() => {
        engine.freeRows += rows.length
      })
      for (const listener of listeners)
        listener({ seconds: 0.04, waitSeconds: rows.map(() => 0.002), tokens: 5 * rows.length })
      return rows.map((row) => answer(row, nameOf.get(row.adapter) as string))
    },
    close: async () => {},
  }
  return engine
}

function answer(
  { text, detailed, explained, truncationSide }: Row,
  adapter: string,
): Prediction | { error: PlainError } {
  if (text.includes('explode')) {
    const detail = { subject: 'row', expected: 'no failure', found: 'ENOENT /secret/weights', fix: 'Report it.' }
    return { error: { code: 'internal', title: 'Graft failed unexpectedly', status: 500, ...detail } }
  }
  const score = 1 - 0.3 / adapter.length
  const label = text.includes('good') ? 'positive' : 'negative'
  const other = label === 'positive' ? 'negative' : 'positive'
  const tokens = text.split(/\s+/).length
  const scores = { [label]: score, [other]: 1 - score }
  const detail = {
    logits: { [label]: 2, [other]: truncationSide === 'right' ? -2 : -1 },
    tokens,
    times: { tokenization: 1, queue: 2.5, inference: 40 },
  }
  const prediction = { label, score, scores, tokens: Math.min(tokens, 512), truncated: tokens > 512 }
  return {
    ...prediction,
    ...(detailed && { detail }),
    ...(explained && { explanation: explanationOf(text, label, other) }),
  }
}

/** Returns an explanation in which each word contributes its length, and every second word speaks against the label. */
function explanationOf(text: string, target: string, against: string): NonNullable<Prediction['explanation']> {
  const words = [...text.matchAll(/\S+/g)].map(({ 0: word, index }, i) => ({
    text: word,
    start: index,
    end: index + word.length,
    contribution: i % 2 === 0 ? word.length : -word.length,
  }))
  const difference = words.reduce((sum, { contribution }) => sum + contribution, 0)
  return { target, against, difference, baseline_difference: 0, completeness_error: 0, steps: 9, words, other: 0 }
}

export interface FakePlatform extends Platform {
  readonly engine: FakeEngine
  readonly logged: { error: unknown; context: LogContext }[]
}

/** Returns the store that all tests of a file share, without its adapters and aliases. */
async function emptyStore(): Promise<Store> {
  const store = await sharedEmbeddedStore()
  for (const alias of (await selectAliasPage(store.db, { limit: 100 })).data) await deleteAlias(store.db, alias, '')
  for (const { id } of (await selectAdapterPage(store.db, { limit: 100 })).data) await deleteAdapter(store.db, id)
  return store
}

/** Returns a platform with a fake engine and a real store. Using any other part of it throws. */
export async function fakePlatform(names: readonly string[] = ['imdb']): Promise<FakePlatform> {
  const store = await emptyStore()
  const config = { ...T5_SMALL, dModel: 128, numLayers: 2, numDecoderLayers: 2 }
  const base = await ensureBase(store.db, {
    name: 'embedded',
    fingerprint: digestOf('embedded'),
    config,
    parameters: 1_000_000,
    bytes: 4_000_000,
  })
  await ensureBase(store.db, {
    name: 'small',
    fingerprint: digestOf('small'),
    config: T5_SMALL,
    parameters: 60_506_624,
    bytes: 242_026_496,
  })
  for (const name of names) await insertAdapter(store.db, adapterRow(name, base.id))
  const logged: FakePlatform['logged'] = []
  const unused = <T>(part: string) =>
    new Proxy(
      {},
      {
        get: (_, field) =>
          fail('internal', { subject: part, problem: `has no ${String(field)} in this test`, fix: '' }),
      },
    ) as T
  return {
    store,
    bases: [base],
    engine: fakeEngine(names),
    artifacts: unused('artifacts'),
    cache: { ...unused<Platform['cache']>('cache'), pathOf: (digest) => `/nowhere/${digest}`, remove: async () => {} },
    uploads: unused('uploads'),
    queue: unused('queue'),
    requireDiskReserve: async () => {},
    logged,
    logger: { error: (error, context) => logged.push({ error, context }) },
  }
}
