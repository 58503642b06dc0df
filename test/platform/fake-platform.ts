import { createHash } from 'node:crypto'
import { afterAll } from 'vitest'
import { fail, type PlainError } from '../../core/errors.ts'
import type { LogContext } from '../../core/logger.ts'
import { T5_SMALL } from '../../model/t5/config.ts'
import type { Platform } from '../../platform/platform.ts'
import { createAdapter, deleteAdapter, listAdapters, type NewAdapter } from '../../platform/store/adapters.ts'
import { listAliases, removeAlias } from '../../platform/store/aliases.ts'
import { ensureBase } from '../../platform/store/bases.ts'
import { openStore } from '../../platform/store/open-store.ts'
import type { Store } from '../../platform/store/store.ts'
import type { Engine, Prediction, Row } from '../../serving/engine-types.ts'
import { embeddedPlace } from '../contract/store/stores.ts'

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** An adapter's row, by its name. */
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
  /** Calls that were given up through their signal. */
  readonly cancelled: (readonly Row[])[]
  /** Every call waits until this resolves. */
  gate: Promise<void>
  /** Rows that may wait at a time; past them a call is refused. */
  room: number
}

/** An engine that calls a text positive where it says `good`, and is the surer the longer the adapter's name. */
export function fakeEngine(names: readonly string[]): FakeEngine {
  const nameOf = new Map(names.map((name) => [digestOf(`folder of ${name}`), name]))
  const room = 10_000
  const engine: FakeEngine = {
    calls: [],
    cancelled: [],
    gate: Promise.resolve(),
    room,
    loaded: () => [],
    load: () => Promise.reject(new Error('this engine loads nothing')),
    forget: async () => {},
    get queue() {
      return { waiting: room - engine.room, room }
    },
    async classify(rows, signal) {
      engine.calls.push(rows)
      if (rows.length > engine.room)
        fail('overloaded', { subject: 'the queue', expected: 'room', found: 'none', fix: 'Try again in a moment.' })
      engine.room -= rows.length
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => {
          engine.cancelled.push(rows)
          reject(signal.reason)
        })
      })
      await Promise.race([engine.gate, aborted]).finally(() => {
        engine.room += rows.length
      })
      return rows.map((row) => answer(row, nameOf.get(row.adapter) as string))
    },
    close: async () => {},
  }
  return engine
}

function answer({ text, detailed, truncationSide }: Row, adapter: string): Prediction | { error: PlainError } {
  if (text.includes('explode')) {
    const detail = { subject: 'row', expected: 'no failure', found: 'ENOENT /secret/weights', fix: 'Report it.' }
    return { error: { code: 'internal', title: 'Graft failed', status: 500, ...detail } }
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
  const shown = { label, score, scores, tokens: Math.min(tokens, 512), truncated: tokens > 512 }
  return detailed ? { ...shown, detail } : shown
}

export interface FakePlatform extends Platform {
  readonly engine: FakeEngine
  readonly logged: { error: unknown; context: LogContext }[]
}

let opened: Promise<Store> | undefined
let remove = async () => {}
afterAll(async () => {
  await (await opened)?.close()
  await remove()
})

/** One for all tests of a file. */
async function emptyStore(): Promise<Store> {
  opened ??= embeddedPlace().then((place) => {
    remove = place.remove
    return openStore(place.options)
  })
  const store = await opened
  for (const alias of (await listAliases(store.db, { limit: 100 })).data) await removeAlias(store.db, alias, '')
  for (const { id } of (await listAdapters(store.db, { limit: 100 })).data) await deleteAdapter(store.db, id)
  return store
}

/** A platform whose engine is a fake and whose store is real. What it does not need is not there. */
export async function fakePlatform(names: readonly string[] = ['imdb']): Promise<FakePlatform> {
  const store = await emptyStore()
  const shape = { ...T5_SMALL, dModel: 128, numLayers: 2, numDecoderLayers: 2 }
  const base = await ensureBase(store.db, {
    name: 'embedded',
    fingerprint: digestOf('embedded'),
    shape,
    parameters: 1_000_000,
    bytes: 4_000_000,
  })
  await ensureBase(store.db, {
    name: 'small',
    fingerprint: digestOf('small'),
    shape: T5_SMALL,
    parameters: 60_506_624,
    bytes: 242_026_496,
  })
  for (const name of names) await createAdapter(store.db, adapterRow(name, base.id))
  const logged: FakePlatform['logged'] = []
  const none = <T>(what: string) =>
    new Proxy(
      {},
      { get: (_, field) => fail('internal', { subject: what, expected: 'no use', found: String(field), fix: '' }) },
    ) as T
  return {
    store,
    base,
    engine: fakeEngine(names),
    artifacts: none('artifacts'),
    cache: { ...none<Platform['cache']>('folders'), pathOf: (digest) => `/nowhere/${digest}` },
    queue: none('jobs'),
    logged,
    logger: { error: (error, context) => logged.push({ error, context }) },
  }
}
