import { fail, type PlainError } from '../../core/errors.ts'
import { T5_SMALL } from '../../model/t5-config.ts'
import type { Platform, ServedAdapter } from '../../platform/platform.ts'
import type { Engine, Prediction, Row } from '../../serving/engine-types.ts'

export function servedAdapter(id: string, more: Partial<ServedAdapter> = {}): ServedAdapter {
  return {
    id,
    name: `${id} by name`,
    method: 'lora',
    base: 't5-small',
    trainable: 294_912,
    total: 60_801_536,
    digest: `sha256:${encodeURIComponent(id)}`,
    bytes: 1_179_648,
    layout: 'peft',
    labels: ['negative', 'positive'],
    ...more,
  }
}

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

/** An engine that calls a text positive where it says `good`, and is the surer the longer the adapter's id. */
function fakeEngine(): FakeEngine {
  const engine: FakeEngine = {
    calls: [],
    cancelled: [],
    gate: Promise.resolve(),
    room: 10_000,
    loaded: () => [],
    load: () => Promise.reject(new Error('no use case loads adapters')),
    forget: async () => {},
    queue: { waiting: 0, room: 10_000 },
    async classify(rows, signal) {
      engine.calls.push(rows)
      if (rows.length > engine.room)
        fail('overloaded', { subject: 'the queue', expected: 'room', found: 'none', mend: 'Try again in a moment.' })
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
      return rows.map(answer)
    },
    close: async () => {},
  }
  return engine
}

function answer({ text, adapter }: Row): Prediction | { error: PlainError } {
  if (text.includes('explode')) {
    const detail = { subject: 'row', expected: 'no failure', found: 'ENOENT /secret/weights', mend: 'Report it.' }
    return { error: { code: 'internal', title: 'Graft failed', status: 500, ...detail } }
  }
  const score = 1 - 0.3 / adapter.length
  const label = text.includes('good') ? 'positive' : 'negative'
  const other = label === 'positive' ? 'negative' : 'positive'
  const tokens = text.split(/\s+/).length
  const scores = { [label]: score, [other]: 1 - score }
  return { label, score, scores, tokens: Math.min(tokens, 512), truncated: tokens > 512 }
}

export interface FakePlatform extends Platform {
  readonly engine: FakeEngine
  readonly reports: { error: unknown; id: string }[]
}

export function fakePlatform(ids: readonly string[] = ['imdb']): FakePlatform {
  const reports: FakePlatform['reports'] = []
  return {
    engine: fakeEngine(),
    adapters: ids.map((id) => servedAdapter(id)),
    bases: new Map([['embedded', { ...T5_SMALL, dModel: 128, numLayers: 2, numDecoderLayers: 2 }]]),
    reports,
    report: (error, id) => reports.push({ error, id }),
  }
}
