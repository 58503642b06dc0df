import type { Adapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { input } from '../graph/ops/leaf.ts'
import { type Program, program } from '../graph/program.ts'
import type { Loaded, Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import { padRows } from '../model/batch.ts'
import { combine } from '../model/edits.ts'
import { methodNamed } from '../model/methods/registry.ts'
import { batchInputs, weightInputs } from '../model/programs.ts'
import { t5, wordLogits } from '../model/t5.ts'
import type { T5Config } from '../model/t5-config.ts'
import { adaptersOf, makeSlots, rowsOf, type Slot, slotEdits, tableOf } from './slots.ts'

/** A row to score: token ids, the adapter that answers, and the token ids of its label words. */
export interface ScoredRow {
  ids: Int32Array
  adapter: Adapter
  words: readonly number[]
}

/** One set of weights with the adapters that stand on it; their rows share batches, whatever their methods. */
export interface Mixture {
  /** The scores of each row's words, in one run. */
  score(rows: readonly ScoredRow[]): Promise<Float32Array[]>
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

/** @param adapters none of which replaces a tensor of the base */
export async function openMixture(base: Base, adapters: readonly Adapter[], pool: Pool): Promise<Mixture> {
  return open(Object.fromEntries(base.tensors), makeSlots(adapters, base.t5), base, pool)
}

/** A mixture of one: an adapter whose tensors take the place of the base's. */
export async function openReplaced(base: Base, adapter: Adapter, pool: Pool): Promise<Mixture> {
  return open({ ...Object.fromEntries(base.tensors), ...Object.fromEntries(adapter.values) }, [], base, pool)
}

export function replacesBase({ method }: Adapter, { t5: config, tensors }: Base): boolean {
  return methodNamed(method.method)
    .parameters(method, config)
    .some(({ name }) => tensors.has(name))
}

async function open(weights: Values, slots: readonly Slot[], { t5: config }: Base, pool: Pool): Promise<Mixture> {
  const tables = Object.fromEntries(slots.map((slot) => [tableOf(slot), slot.table]))
  const counts = Object.fromEntries(slots.map((slot) => [adaptersOf(slot), slot.rows.size + 1]))
  const loaded: Loaded = await pool.load(mixtureProgram(config, slots), { ...weights, ...tables })
  return {
    async score(rows) {
      const { inputIds, attentionMask, batch, source } = padRows(
        rows.map(({ ids }) => ids),
        config.padTokenId,
      )
      const labels = Math.max(...rows.map(({ words }) => words.length))
      const words = new Int32Array(batch * labels)
      for (const [i, row] of rows.entries()) words.set(row.words, i * labels)
      const chosen = slots.map(
        (slot) => [rowsOf(slot), Int32Array.from(rows, ({ adapter }) => slot.rows.get(adapter) ?? 0)] as const,
      )
      const feeds = {
        input_ids: inputIds,
        attention_mask: attentionMask,
        decoder_input_ids: new Int32Array(batch).fill(config.decoderStartTokenId),
        words,
      }
      const results = await loaded.run(
        { ...feeds, ...Object.fromEntries(chosen) },
        { batch, source, labels, ...counts },
      )
      const scores = results.scores as Float32Array
      return rows.map((row, i) => scores.slice(i * labels, i * labels + row.words.length))
    },
  }
}
