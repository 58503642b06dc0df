import type { Base } from '../checkpoint/base.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import type { LoadedProgram, Pool } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { combineEdits } from '../model/edits.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { weightInputs } from '../model/programs.ts'
import { type BatchBytes, measureBatchBytes } from './batch-bytes.ts'
import type { QueueEntry } from './queue-entry.ts'
import { runBatch } from './run-batch.ts'
import { makeSlot, type Slot, slotEdits, slotFeeds, slotSizes } from './slots.ts'

/**
 * A program whose batches mix rows of several adapters and configurations. It can be recompiled for other
 * configurations. A batch always finishes on the program on which it started.
 */
export interface SharedProgram {
  /**
   * Recompiles the program for exactly these configurations, or unloads it if there are none. Callers must wait until
   * one change is complete before they make the next.
   */
  setConfigurations(methods: readonly MethodConfig[]): Promise<void>
  readonly batchBytes: BatchBytes
  /** Runs a batch of entries whose configurations are included. */
  computeLogits(entries: readonly QueueEntry[]): Promise<Float32Array[]>
}

/** Builds the program for batches with rows of all slots. */
function sharedProgram(model: Model, slots: readonly Slot[]): Program {
  const weights = weightInputs(model)
  const edits = combineEdits(slots.map((slot) => slotEdits(slot, model)))
  const context = { weight: (name: string) => weights.get(name) ?? throwMissingTensor(name), edits }
  return buildProgram('shared', { scores: model.classLogits(context, ['batch', 'labels']) })
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
  bytes: BatchBytes
  /** Batches that run on it. */
  running: number
  /** True if a newer version has replaced this one. */
  retired: boolean
}

export function openSharedProgram(base: Base, pool: Pool): SharedProgram {
  const model = modelOf(base)
  const weights = Object.fromEntries(base.tensors)
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
      if (methods.length === 0) return replaceWith()
      const slots = methods.map((method, i) => makeSlot(`slot${i}`, method, model))
      const program = sharedProgram(model, slots)
      const loaded = await pool.load(program, weights)
      const bytes = measureBatchBytes(program, slotSizes(slots))
      const byConfiguration = new Map(slots.map((slot) => [configurationOf(slot.method), slot]))
      replaceWith({ slots: byConfiguration, loaded, bytes, running: 0, retired: false })
    },
    batchBytes: (rows, shape) => current?.bytes(rows, shape) ?? Number.POSITIVE_INFINITY,
    async computeLogits(entries) {
      if (!current) throw new Error('the mixture has no shared program')
      const version = current
      version.running++
      try {
        return await runBatch(version.loaded, entries, model, feedSlots(version.slots, entries))
      } finally {
        version.running--
        unloadIfDone(version)
      }
    },
  }
}

/** Returns the inputs of all slots for a batch. */
function feedSlots(slots: ProgramVersion['slots'], entries: readonly QueueEntry[]) {
  const slotOf = entries.map(({ adapter }) => slots.get(configurationOf(adapter.method)))
  const parts = [...slots.values()].map((slot) =>
    slotFeeds(
      slot,
      entries.map(({ adapter }, i) => (slotOf[i] === slot ? adapter.values : undefined)),
    ),
  )
  return {
    feeds: Object.assign({}, ...parts.map(({ feeds }) => feeds)),
    sizes: Object.assign({}, ...parts.map(({ sizes }) => sizes)),
  }
}
