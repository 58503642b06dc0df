import type { Base } from '../checkpoint/base.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import type { LoadedProgram, Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { padBatch } from '../model/batch.ts'
import { combineEdits } from '../model/edits.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { weightInputs } from '../model/programs.ts'
import type { Mixture, QueueEntry } from './queue-entry.ts'
import { makeSlot, type Slot, slotEdits, slotFeeds } from './slots.ts'

/**
 * A mixture that can be recompiled for other configurations. A batch always finishes on the program on which it
 * started.
 */
export interface EditableMixture extends Mixture {
  /**
   * Recompiles the program for exactly these adapter configurations. Entries are accepted for adapters whose
   * configuration is included, and for full models, which the weights already contain. Callers must wait until one
   * change is complete before they make the next.
   */
  setConfigurations(methods: readonly MethodConfig[]): Promise<void>
  /** Unloads the program after the batches that run on it. */
  close(): void
}

/** Builds the program for batches with rows of all slots. Its output is `scores`, logits [batch, 1, labels]. */
function mixtureProgram(model: Model, slots: readonly Slot[]): Program {
  const weights = weightInputs(model)
  const edits = combineEdits(slots.map((slot) => slotEdits(slot, model)))
  const context = { weight: (name: string) => weights.get(name) ?? throwMissingTensor(name), edits }
  return buildProgram('mixture', { scores: model.classLogits(context, ['batch', 'labels']) })
}

function throwMissingTensor(name: string): never {
  throw new Error(`the base has no tensor ${name}`)
}

/** Returns a key for a configuration. Adapters with the same key share a slot. */
export const configurationOf = (method: MethodConfig): string => JSON.stringify(method)

/** A compiled program, until the batches that started on it have ended. */
interface ProgramVersion {
  /** By configuration. */
  slots: ReadonlyMap<string, Slot>
  loaded: LoadedProgram
  /** Batches that run on it. */
  running: number
  /** True if a newer version has replaced this one. */
  retired: boolean
}

/** @param weights all tensors of a model of the base's shape */
export function openMixture(weights: Values, base: Base, pool: Pool): EditableMixture {
  const model = modelOf(base)
  let current: ProgramVersion | undefined

  const unloadIfDone = ({ retired, running, loaded }: ProgramVersion) => {
    // This fails if the engine is closing: its threads have exited, and the program with them.
    if (retired && running === 0) loaded.unload().catch(() => {})
  }
  const replaceWith = (next?: ProgramVersion) => {
    const previous = current
    current = next
    if (!previous) return
    previous.retired = true
    unloadIfDone(previous)
  }

  return {
    async setConfigurations(methods) {
      const slots = methods.map((method, i) => makeSlot(`slot${i}`, method, model))
      const loaded = await pool.load(mixtureProgram(model, slots), weights)
      const byConfiguration = new Map(slots.map((slot) => [configurationOf(slot.method), slot]))
      replaceWith({ slots: byConfiguration, loaded, running: 0, retired: false })
    },
    close: () => replaceWith(),
    async computeLogits(entries) {
      if (!current) throw new Error('the mixture has no program')
      const version = current
      const releases = entries.map(({ adapter }) => adapter.hold())
      version.running++
      try {
        return await runBatch(version, entries, model)
      } finally {
        version.running--
        unloadIfDone(version)
        for (const release of releases) release()
      }
    },
  }
}

async function runBatch(
  { slots, loaded }: ProgramVersion,
  entries: readonly QueueEntry[],
  model: Model,
): Promise<Float32Array[]> {
  const { inputIds, attentionMask, batch, source } = padBatch(
    entries.map(({ ids }) => ids),
    model.padTokenId,
  )
  const labels = Math.max(...entries.map(({ adapter }) => adapter.words.length))
  const words = new Int32Array(batch * labels)
  for (const [i, { adapter }] of entries.entries()) words.set(adapter.words, i * labels)
  const slotOf = entries.map(({ adapter }) => slots.get(configurationOf(adapter.method)))
  const parts = [...slots.values()].map((slot) =>
    slotFeeds(
      slot,
      entries.map(({ adapter }, i) => (slotOf[i] === slot ? adapter.values : undefined)),
    ),
  )
  const { scores } = await loaded.run(
    Object.assign(
      {
        input_ids: inputIds,
        attention_mask: attentionMask,
        ...model.rowInputs(batch),
        ...model.classInputs(words),
      },
      ...parts.map(({ feeds }) => feeds),
    ),
    Object.assign({ batch, source, labels }, ...parts.map(({ sizes }) => sizes)),
  )
  const logits = scores as Float32Array // [B, labels]
  return entries.map(({ adapter }, i) => logits.slice(i * labels, i * labels + adapter.words.length))
}
