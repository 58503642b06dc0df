import { random } from '../core/random.ts'
import { sharedFloats } from '../core/shared-memory.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { padRows } from '../model/batch.ts'
import { methodNamed, parseMethod } from '../model/methods/registry.ts'
import { parseT5Config } from '../model/t5/config.ts'
import { baseTensors, sizeOfShape } from '../model/t5/tensors.ts'
import { flat } from '../training/step/flat.ts'
import { gradientProgram } from '../training/step/gradient-program.ts'
import type { MicroBatch } from '../training/step/gradient-sum.ts'
import { initialLossScale } from '../training/step/loss-scale.ts'
import { objective } from '../training/step/objective.ts'
import { openStepper } from '../training/step/open-stepper.ts'

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

export interface ModelJob {
  method: Record<string, unknown> & { method: string }
  config: unknown
  loss: 'labels' | 'vocabulary'
  precision?: 'f32' | 'f16'
}

/** A T5 of random weights with a method on it, ready to take steps on random reviews of given lengths. */
export async function openRandomModel({ method: given, config, loss, precision = 'f32' }: ModelJob, pool: Pool) {
  const t5 = parseT5Config(config, false)
  const method = parseMethod(given)
  const draw = random(0, 'benchmark')
  const base = new Map(
    baseTensors(t5).map(({ name, shape }) => {
      const values = sharedFloats(sizeOfShape(shape))
      for (let i = 0; i < values.length; i++) values[i] = shape.length === 1 ? 1 : 0.1 * (draw.uniform() - 0.5)
      return [name, values]
    }),
  )
  const parameters = methodNamed(method.method).parameters(method, t5)
  const theta = flat(parameters)
  for (const { name, initial } of parameters)
    theta.views[name].set(initial(draw, (tensor) => base.get(tensor) as Float32Array))
  const target = objective(loss, [1465, 2841], t5)
  const stepper = await openStepper(pool, {
    gradient: gradientProgram(t5, method, target),
    parameters,
    moments: { theta: theta.vector, m: sharedFloats(theta.vector.length), v: sharedFloats(theta.vector.length) },
    values: theta.views,
    bound: { ...Object.fromEntries(base), ...target.bound },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    precision,
    lossScale: precision === 'f16' ? initialLossScale() : undefined,
  })
  /** Reviews of these lengths as the micro-batches of one step. */
  const batches = (microBatches: readonly (readonly number[])[]): MicroBatch[] => {
    const reviews = microBatches.flat().length
    return microBatches.map((lengths) => {
      const rows = lengths.map((length) => Int32Array.from({ length }, () => 2 + draw.integer(t5.vocabSize - 2)))
      const { inputIds, attentionMask, batch, source } = padRows(rows, t5.padTokenId)
      const labels = target.feeds(
        lengths.map(() => draw.integer(2)),
        reviews,
      )
      return { feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labels }, symbols: { batch, source } }
    })
  }
  return { t5, method, stepper, batches }
}
