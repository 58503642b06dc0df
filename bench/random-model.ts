import type { Base } from '../checkpoint/base.ts'
import { makeRandom } from '../core/random.ts'
import { allocateSharedFloats } from '../core/shared-memory.ts'
import type { Program } from '../graph/program.ts'
import type { Precision } from '../graph/runtime/devices/device-description.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { padBatch } from '../model/batch.ts'
import { parametersOf, parseMethod } from '../model/methods/registry.ts'
import { t5Architecture } from '../model/t5/architecture.ts'
import { sizeOfShape } from '../model/tensor-shapes.ts'
import type { MicroBatch } from '../training/step/gradient-accumulator.ts'
import { gradientProgram, roundedWeights } from '../training/step/gradient-program.ts'
import { initialLossScale } from '../training/step/loss-scale.ts'
import { openStepper } from '../training/step/open-stepper.ts'
import { allocateMoments } from '../training/step/optimizer.ts'
import { allocatePacked } from '../training/step/packed-tensors.ts'

/** The shape of T5-small. */
export const T5_SMALL = {
  vocab_size: 32128,
  d_model: 512,
  d_ff: 2048,
  d_kv: 64,
  num_layers: 6,
  num_decoder_layers: 6,
  num_heads: 8,
  decoder_start_token_id: 0,
}

/** The tokens of the labels. */
export const LABEL_IDS = [1465, 2841]

/** The model to train in a benchmark. */
export interface ModelJob {
  method: Record<string, unknown> & { method: string }
  config: unknown
  loss: 'labels' | 'vocabulary'
  precision?: Precision
}

const parseConfig = (config: unknown) => t5Architecture.parseConfig(config, new Map(), 'config.json')

/** Returns the model that a configuration describes, without weights. */
export const modelWithoutWeights = (config: unknown): Model => modelOf({ config: parseConfig(config) })

/** Returns a T5 with random weights and no files. */
export function randomBase(config: unknown): Base {
  const parsed = parseConfig(config)
  const draw = makeRandom(0, 'benchmark')
  const tensors = new Map(
    modelOf({ config: parsed }).tensors.map(({ name, shape }) => {
      const values = allocateSharedFloats(sizeOfShape(shape))
      for (let i = 0; i < values.length; i++) values[i] = shape.length === 1 ? 1 : 0.1 * (draw.uniform() - 0.5)
      return [name, values]
    }),
  )
  return { dir: '', name: 'random', config: parsed, tensors, fingerprint: '', configText: '' }
}

/** Returns the program that computes the gradient of a micro-batch. */
export function randomGradientProgram({ method, config, loss, precision = 'f32' }: ModelJob): Program {
  const model = modelWithoutWeights(config)
  return gradientProgram(model, parseMethod(method), model.objective(loss, LABEL_IDS), { precision })
}

/** Opens a T5 with random weights and a tuning method, ready for training steps on random reviews of given lengths. */
export async function openRandomModel(job: ModelJob, pool: Pool) {
  const { method: given, loss, precision = 'f32' } = job
  const { tensors: base, ...rest } = randomBase(job.config)
  const model = modelOf(rest)
  const method = parseMethod(given)
  const draw = makeRandom(0, 'benchmark')
  const parameters = parametersOf(method, model)
  const theta = allocatePacked(parameters)
  for (const { name, initial } of parameters)
    theta.views[name].set(initial(draw, (tensor) => base.get(tensor) as Float32Array))
  const target = model.objective(loss, LABEL_IDS)
  const stepper = await openStepper(pool, {
    gradientProgram: randomGradientProgram(job),
    parameters,
    vectors: allocateMoments(theta.vector),
    values: theta.views,
    bound: {
      ...Object.fromEntries(base),
      ...target.constants,
      ...roundedWeights(precision, base, model),
    },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    precision,
    lossScale: precision === 'f16' ? initialLossScale() : undefined,
  })
  /** Returns random reviews of these lengths as the micro-batches of one step. */
  const batches = (microBatches: readonly (readonly number[])[]): MicroBatch[] => {
    const reviews = microBatches.flat().length
    return microBatches.map((lengths) => {
      const rows = lengths.map((length) => Int32Array.from({ length }, () => 2 + draw.integer(model.vocabSize - 2)))
      const { inputIds, attentionMask, batch, source } = padBatch(rows, model.padTokenId)
      const labels = target.inputs(
        lengths.map(() => draw.integer(2)),
        reviews,
      )
      return { feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labels }, symbols: { batch, source } }
    })
  }
  return { model, method, stepper, batches }
}
