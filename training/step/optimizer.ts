import { allocateSharedFloats } from '../../core/shared-memory.ts'
import { add, div, mul, sqrt, sub } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { slice } from '../../graph/ops/slice.ts'
import { buildProgram, type Program } from '../../graph/program.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim } from '../../graph/types.ts'

/** The hyperparameters of AdamW, without the learning rate. */
export interface AdamW {
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
  /** The largest norm of the gradient over all tensors. Longer gradients are clipped to it. */
  maxGradNorm: number
}

/**
 * The vectors that training changes, in shared memory: the trained tensors, packed one after the other, and the two
 * moments of the optimizer in the same order.
 */
export interface TrainingVectors {
  theta: Float32Array
  m: Float32Array
  v: Float32Array
}

/** Allocates the moments of a vector of trained tensors, all zero. */
export const allocateMoments = (theta: Float32Array): TrainingVectors => ({
  theta,
  m: allocateSharedFloats(theta.length),
  v: allocateSharedFloats(theta.length),
})

/** Elements that are updated at once. Few enough to stay in the cache of a core, whatever the size of the model. */
const CHUNK_ELEMENTS = 1 << 16

/**
 * The numbers of a step, in the order in which {@link adamW} reads them. They are computed in double precision, because
 * 1 - 0.999 in single precision has an error of 1e-5.
 */
const STEP_NUMBERS = [
  'beta1',
  'one_minus_beta1',
  'beta2',
  'one_minus_beta2',
  'epsilon',
  'decay',
  'step_size',
  'root_correction2',
] as const

/** Returns the input `numbers` of {@link adamW} for a step, counted from 1. */
export function stepNumbers({ beta1, beta2, epsilon, weightDecay }: AdamW, step: number, learningRate: number) {
  const values: Record<(typeof STEP_NUMBERS)[number], number> = {
    beta1,
    one_minus_beta1: 1 - beta1,
    beta2,
    one_minus_beta2: 1 - beta2,
    epsilon,
    decay: 1 - learningRate * weightDecay,
    step_size: learningRate / (1 - beta1 ** step),
    root_correction2: Math.sqrt(1 - beta2 ** step),
  }
  return Float32Array.from(STEP_NUMBERS, (name) => values[name])
}

/**
 * Returns one step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) as in torch: decoupled weight decay, epsilon
 * outside the root. The inputs are `theta`, `m` and `v` [n], and `numbers`. The update is elementwise.
 * @param g the clipped gradient [n]
 */
export function adamW(n: Dim, g: Tensor): Record<'new_theta' | 'new_m' | 'new_v', Tensor> {
  const vector = (name: string) => input(name, 'f32', [n])
  const numbers = input('numbers', 'f32', [STEP_NUMBERS.length])
  const number = (name: (typeof STEP_NUMBERS)[number]) => slice(numbers, 0, STEP_NUMBERS.indexOf(name), 1) // [1]
  const m = add(mul(vector('m'), number('beta1')), mul(g, number('one_minus_beta1')))
  const v = add(mul(vector('v'), number('beta2')), mul(mul(g, g), number('one_minus_beta2')))
  const root = add(div(sqrt(v), number('root_correction2')), number('epsilon'))
  return {
    new_theta: sub(mul(vector('theta'), number('decay')), mul(div(m, root), number('step_size'))),
    new_m: m,
    new_v: v,
  }
}

/** Returns AdamW for any part of the vectors. The caller computes the norm of the gradient. */
export function adamWProgram(): Program {
  return buildProgram('adamw', adamW('n', mul(input('gradient', 'f32', ['n']), input('clip', 'f32', []))))
}

/** A part of the vectors, and the factor of its learning rate. */
export interface RatedPart {
  from: number
  size: number
  factor: number
}

/**
 * Opens an optimizer that updates vectors in shared memory.
 * @param parts the parts whose learning rates differ; they cover the vectors. Defaults to a single part
 * @returns a function that takes a step, counted from 1, and returns the norm of the gradient before clipping
 */
export async function openOptimizer(pool: Pool, options: AdamW, parts?: readonly RatedPart[]) {
  const update = await pool.load(adamWProgram(), {})
  return async (
    { theta, m, v }: TrainingVectors,
    gradient: Float32Array,
    step: number,
    learningRate: number,
  ): Promise<number> => {
    const norm = normOf(gradient)
    const clip = Float32Array.of(Math.min(1, options.maxGradNorm / (norm + 1e-6)))
    const updateChunk = async (from: number, to: number, numbers: Float32Array) => {
      const part = (x: Float32Array) => x.subarray(from, to)
      const feeds = { theta: part(theta), m: part(m), v: part(v), gradient: part(gradient), clip, numbers }
      // In place: a result is computed after everything else that reads the input that it overwrites.
      await update.run(feeds, { n: part(theta).length }, { new_theta: part(theta), new_m: part(m), new_v: part(v) })
    }
    await Promise.all(
      (parts ?? [{ from: 0, size: theta.length, factor: 1 }]).flatMap(({ from, size, factor }) => {
        const numbers = stepNumbers(options, step, factor * learningRate)
        return Array.from({ length: Math.ceil(size / CHUNK_ELEMENTS) }, (_, i) => {
          const start = from + i * CHUNK_ELEMENTS
          return updateChunk(start, Math.min(start + CHUNK_ELEMENTS, from + size), numbers)
        })
      }),
    )
    return norm
  }
}

/** Sums in double precision and always in the same order, so that the number of threads does not matter. */
function normOf(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i]
  return Math.sqrt(sum)
}
