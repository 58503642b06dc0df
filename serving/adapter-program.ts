import { fail } from '../core/errors.ts'
import { buildProgram } from '../graph/program.ts'
import type { LoadedProgram, LoadOptions, Pool } from '../graph/runtime/pool.ts'
import { explanationProgram } from '../model/explanation.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { applyMethod } from '../model/programs.ts'
import { inPrecision } from '../model/quantized-weights.ts'
import { layoutOf } from './adapter-layout.ts'
import { type BatchShape, measureBatchBytes } from './batch-bytes.ts'
import { MAX_BATCH_BYTES } from './batching.ts'
import { makeExplainer } from './explainer.ts'
import type { Explainer, Mixture, QueueEntry } from './queue-entry.ts'
import { runBatch } from './run-batch.ts'
import type { ServedBase } from './served-base.ts'

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
  { model, precision, weights }: ServedBase,
  pool: Pool,
  { own, keepMemory = false }: AdapterProgramOptions = {},
): Promise<AdapterProgram> {
  const layout = layoutOf(parametersOf(method, model), model, precision)
  const view = ({ buffer, byteOffset }: Float32Array) => layout.view(buffer, byteOffset)
  const context = inPrecision(applyMethod(model, method).context, precision, model)
  const program = buildProgram('adapter', { scores: model.classLogits(context, ['batch', 'labels']) })
  const bound = { ...weights, ...(own && view(own)) }
  const load = (options: LoadOptions) => pool.load(program, bound, options)
  const usual = await load({ keepMemory, wide: true })
  /** Runs single long texts. After one of them, a program that keeps its memory would keep hundreds of megabytes. */
  let large: Promise<LoadedProgram> | undefined
  const bytes = measureBatchBytes(program)
  const feedAdapter = (entries: readonly QueueEntry[]) => ({
    feeds: own ? {} : view(entries[0].adapter.values),
  })
  let explaining: { loaded: Promise<LoadedProgram>; explainer: Promise<Explainer> } | undefined
  const loadExplainer = () => {
    if (layout.isRounded) refuseExplanation(method)
    const explanation = explanationProgram(model, method)
    // Explanations are rare, so their memory is better given back.
    const loaded = pool.load(explanation, bound, { keepMemory: false })
    const explainer = loaded.then((one) => makeExplainer(explanation, one, model, feedAdapter))
    explainer.catch(() => {
      explaining = undefined
    })
    return { loaded, explainer }
  }
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
    computeLogits: (entries) => runBatch(selectProgram(entries), entries, model, feedAdapter(entries)),
    explainer() {
      explaining ??= loadExplainer()
      return explaining.explainer
    },
    unload() {
      // These fail if the engine is closing: its threads have exited, and the programs with them.
      usual.unload().catch(() => {})
      large?.then((program) => program.unload()).catch(() => {})
      explaining?.loaded.then((program) => program.unload()).catch(() => {})
    },
  }
}

const shapeOf = (entries: readonly QueueEntry[]): BatchShape => ({
  length: Math.max(...entries.map(({ ids }) => ids.length)),
  labels: Math.max(...entries.map(({ adapter }) => adapter.words.length)),
  isMixed: false,
})

/** Gradients need the weights themselves. */
function refuseExplanation({ method }: MethodConfig): never {
  fail('precision_unsupported', {
    subject: '--precision int8',
    problem: `keeps the weights of the method ${method} in 8 bits only, and an explanation needs them in f32`,
    fix: 'Serve this model with --precision f32 to explain its predictions.',
  })
}
