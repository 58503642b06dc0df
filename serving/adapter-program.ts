import type { Base } from '../checkpoint/base.ts'
import { buildProgram } from '../graph/program.ts'
import type { LoadedProgram, LoadOptions, Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { applyMethod } from '../model/programs.ts'
import { packTensors } from '../model/tensor-shapes.ts'
import { type BatchShape, measureBatchBytes } from './batch-bytes.ts'
import { MAX_BATCH_BYTES } from './batching.ts'
import type { Mixture, QueueEntry } from './queue-entry.ts'
import { runBatch } from './run-batch.ts'

/**
 * A compiled program for batches whose rows all have the same adapter. Its parameters are read where they lie in
 * memory, once for all rows, so their size does not limit the batch.
 */
export interface AdapterProgram extends Mixture {
  /** Unloads the program. No batch may run on it. */
  unload(): void
}

export interface AdapterProgramOptions {
  /**
   * The values of an adapter to bind the program to, which then runs only that adapter. Needed if they replace weights
   * of the base, so that a device uploads them once. Defaults to running any adapter of the configuration.
   */
  own?: Float32Array
  /**
   * Keeps the memory of a batch for the next one, which is a little faster. A batch that takes more than
   * {@link MAX_BATCH_BYTES} gives its memory back all the same. Defaults to false.
   */
  keepMemory?: boolean
}

/** Compiles the program of a configuration. Adapters of that configuration take turns on it. */
export async function loadAdapterProgram(
  method: MethodConfig,
  base: Base,
  pool: Pool,
  { own, keepMemory = false }: AdapterProgramOptions = {},
): Promise<AdapterProgram> {
  const model = modelOf(base)
  const layout = packTensors(parametersOf(method, model))
  const { context } = applyMethod(model, method)
  const program = buildProgram('adapter', { scores: model.classLogits(context, ['batch', 'labels']) })
  const bound = { ...Object.fromEntries(base.tensors), ...(own && viewTensors(own, layout)) }
  const load = (options: LoadOptions) => pool.load(program, bound, options)
  const usual = await load({ keepMemory })
  /** Runs single long texts. After one of them, a program that keeps its memory would keep hundreds of megabytes. */
  let large: Promise<LoadedProgram> | undefined
  const bytes = measureBatchBytes(program)
  const selectProgram = (entries: readonly QueueEntry[]) => {
    if (!keepMemory || bytes(entries.length, shapeOf(entries)) <= MAX_BATCH_BYTES) return usual
    large ??= load({ keepMemory: false }).catch((error) => {
      large = undefined
      throw error
    })
    return large
  }
  return {
    batchBytes: () => (rows, shape) => (shape.isMixed ? Number.POSITIVE_INFINITY : bytes(rows, shape)),
    computeLogits: (entries) =>
      runBatch(selectProgram(entries), entries, model, {
        feeds: own ? {} : viewTensors(entries[0].adapter.values, layout),
      }),
    unload() {
      // These fail if the engine is closing: its threads have exited, and the programs with them.
      usual.unload().catch(() => {})
      large?.then((program) => program.unload()).catch(() => {})
    },
  }
}

const shapeOf = (entries: readonly QueueEntry[]): BatchShape => ({
  length: Math.max(...entries.map(({ ids }) => ids.length)),
  labels: Math.max(...entries.map(({ adapter }) => adapter.words.length)),
  isMixed: false,
})

/** Returns the tensors of an adapter as views of its values. */
const viewTensors = (values: Float32Array, layout: ReturnType<typeof packTensors>): Values =>
  Object.fromEntries(layout.map(({ name, from, size }) => [name, values.subarray(from, from + size)]))
