import { buildProgram, type Program } from '../graph/program.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { combineEdits } from '../model/edits.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { weightInputs } from '../model/programs.ts'
import { inPrecision } from '../model/quantized-weights.ts'
import { TABLE_SIZES, tableEdits, tableFeeds } from './adapter-table.ts'
import { type BatchBytes, measureBatchBytes } from './batch-bytes.ts'
import type { QueueEntry } from './queue-entry.ts'
import { runBatch } from './run-batch.ts'
import type { ServedBase } from './served-base.ts'

/** A compiled program for batches with rows of several adapters of one configuration. */
export interface SharedProgram {
  readonly batchBytes: BatchBytes
  /** Runs one batch. Returns the logits of each entry's label words. */
  computeLogits(entries: readonly QueueEntry[]): Promise<Float32Array[]>
  /** Unloads the program. No batch may run on it. */
  unload(): void
}

/** Compiles the program of a configuration. */
export async function loadSharedProgram(method: MethodConfig, served: ServedBase, pool: Pool): Promise<SharedProgram> {
  const { model, weights } = served
  const program = sharedProgram(method, served)
  const loaded = await pool.load(program, weights, { wide: true })
  return {
    batchBytes: measureBatchBytes(program, TABLE_SIZES),
    computeLogits: (entries) =>
      runBatch(loaded, entries, model, tableFeeds(entries.map(({ adapter }) => adapter.values))),
    // This fails if the engine is closing: its threads have exited, and the program with them.
    unload: () => void loaded.unload().catch(() => {}),
  }
}

function sharedProgram(method: MethodConfig, { model, precision }: ServedBase): Program {
  const weights = weightInputs(model)
  const edits = combineEdits([tableEdits(method, model)])
  const weight = (name: string) => weights.get(name) ?? throwMissingTensor(name)
  const context = inPrecision({ weight, edits }, precision, model)
  return buildProgram('shared', { scores: model.classLogits(context, ['batch', 'labels']) })
}

function throwMissingTensor(name: string): never {
  throw new Error(`the base has no tensor ${name}`)
}
