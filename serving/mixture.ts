import type { Base } from '../checkpoint/base.ts'
import { input } from '../graph/ops/leaf.ts'
import { type Program, program } from '../graph/program.ts'
import type { Loaded, Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import { padRows } from '../model/batch.ts'
import { combine } from '../model/edits.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { batchInputs, weightInputs } from '../model/programs.ts'
import type { T5Config } from '../model/t5/config.ts'
import { t5, wordLogits } from '../model/t5/t5.ts'
import { makeSlot, type Slot, slotEdits, slotFeeds } from './slots.ts'

/** An adapter's numbers in shared memory, as a mixture reads them. */
export interface HeldAdapter {
  readonly method: MethodConfig
  /** P numbers, in the order of the method's parameters. */
  readonly values: Float32Array
  /** Keeps the values where they are until the function that it returns is called. */
  hold(): () => void
}

/** A row to score: token ids, the adapter that answers, and the token ids of its label words. */
export interface ScoredRow {
  ids: Int32Array
  adapter: HeldAdapter
  words: readonly number[]
}

/** One set of weights with the adapters that stand on it; their rows share batches, whatever their methods. */
export interface Mixture {
  /** The scores of each row's words, in one run. */
  score(rows: readonly ScoredRow[]): Promise<Float32Array[]>
}

/** A mixture whose slots come and go. A batch that runs ends on the program that it began with. */
export interface ChangingMixture extends Mixture {
  /**
   * Makes the program one of exactly these configurations; each adapter's rows may come where its own is among them or where the weights
   * have its place. One change at a time.
   */
  change(methods: readonly MethodConfig[]): Promise<void>
  /** Unloads the program after what it runs now. */
  close(): void
}

/** Rows of all slots in one batch: `scores` [batch, 1, labels]. */
function mixtureProgram(config: T5Config, slots: readonly Slot[]): Program {
  const weights = weightInputs(config)
  const edits = combine(slots.map((slot) => slotEdits(slot, config)))
  const context = { t5: config, weight: (name: string) => weights.get(name) ?? missing(name), edits }
  const { decoder } = t5(batchInputs(1), context)
  return program('mixture', { scores: wordLogits(decoder, input('words', 'i32', ['batch', 'labels']), context) })
}

function missing(name: string): never {
  throw new Error(`the base has no tensor ${name}`)
}

/** Adapters of one configuration share a slot. */
export const configurationOf = (method: MethodConfig): string => JSON.stringify(method)

interface Version {
  slots: ReadonlyMap<string, Slot>
  loaded: Loaded
  running: number
  retired: boolean
}

/** @param weights all tensors of a model of the base's shape */
export function openMixture(weights: Values, { t5: config }: Base, pool: Pool): ChangingMixture {
  let current: Version | undefined

  const unloadIfDone = ({ retired, running, loaded }: Version) => {
    // Threads that ended, as they do when the engine closes, have unloaded it themselves.
    if (retired && running === 0) loaded.unload().catch(() => {})
  }
  const replace = (next?: Version) => {
    const before = current
    current = next
    if (!before) return
    before.retired = true
    unloadIfDone(before)
  }

  return {
    async change(methods) {
      const slots = methods.map((method, i) => makeSlot(`slot${i}`, method, config))
      const loaded = await pool.load(mixtureProgram(config, slots), weights)
      const bySlot = new Map(slots.map((slot) => [configurationOf(slot.method), slot]))
      replace({ slots: bySlot, loaded, running: 0, retired: false })
    },
    close: () => replace(),
    async score(rows) {
      if (!current) throw new Error('the mixture has no program')
      const version = current
      const releases = rows.map(({ adapter }) => adapter.hold())
      version.running++
      try {
        return await run(version, rows, config)
      } finally {
        version.running--
        unloadIfDone(version)
        for (const release of releases) release()
      }
    },
  }
}

async function run({ slots, loaded }: Version, rows: readonly ScoredRow[], config: T5Config): Promise<Float32Array[]> {
  const ids = rows.map((row) => row.ids)
  const { inputIds, attentionMask, batch, source } = padRows(ids, config.padTokenId)
  const labels = Math.max(...rows.map(({ words }) => words.length))
  const words = new Int32Array(batch * labels)
  for (const [i, row] of rows.entries()) words.set(row.words, i * labels)
  const own = rows.map(({ adapter }) => ({ slot: slots.get(configurationOf(adapter.method)), values: adapter.values }))
  const parts = [...slots.values()].map((slot) =>
    slotFeeds(
      slot,
      own.map((one) => (one.slot === slot ? one.values : undefined)),
    ),
  )
  const { scores } = await loaded.run(
    Object.assign(
      {
        input_ids: inputIds,
        attention_mask: attentionMask,
        decoder_input_ids: new Int32Array(batch).fill(config.decoderStartTokenId),
        words,
      },
      ...parts.map(({ feeds }) => feeds),
    ),
    Object.assign({ batch, source, labels }, ...parts.map(({ sizes }) => sizes)),
  )
  return rows.map((row, i) => (scores as Float32Array).slice(i * labels, i * labels + row.words.length))
}
