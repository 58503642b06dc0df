import { add, div, mul, sqrt, sub } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { slice } from '../../graph/ops/slice.ts'
import { type Program, program } from '../../graph/program.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim } from '../../graph/types.ts'

export interface AdamW {
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
  /** The gradient's norm over all tensors is cut to this. */
  maxGradNorm: number
}

/** What a training changes, in shared memory: the trained tensors one after the other, and the optimizer's moments in the same order. */
export interface Moments {
  theta: Float32Array
  m: Float32Array
  v: Float32Array
}

/** Elements an update handles at a time: all that it touches stays in a core's cache, and nothing grows with the model. */
const CHUNK = 1 << 16

/** The numbers of a step, in the order in which they are fed: made in double precision, since 1 - 0.999 in single is off by 1e-5. */
const NUMBERS = ['beta1', 'gain1', 'beta2', 'gain2', 'epsilon', 'kept', 'step_size', 'root_correction2'] as const

/** What {@link adamW} is fed as `numbers` in step `step`, counted from 1. */
export function stepNumbers({ beta1, beta2, epsilon, weightDecay }: AdamW, step: number, learningRate: number) {
  const values: Record<(typeof NUMBERS)[number], number> = {
    beta1,
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    epsilon,
    kept: 1 - learningRate * weightDecay,
    step_size: learningRate / (1 - beta1 ** step),
    root_correction2: Math.sqrt(1 - beta2 ** step),
  }
  return Float32Array.from(NUMBERS, (name) => values[name])
}

/**
 * AdamW as torch has it (Loshchilov and Hutter 2019, arXiv 1711.05101): decoupled decay, epsilon outside the root.
 * Takes `theta`, `m`, `v` and the clipped gradient g, all [n], and `numbers`. Every element is for itself.
 */
export function adamW(n: Dim, g: Tensor): Record<'new_theta' | 'new_m' | 'new_v', Tensor> {
  const vector = (name: string) => input(name, 'f32', [n])
  const numbers = input('numbers', 'f32', [NUMBERS.length])
  const number = (name: (typeof NUMBERS)[number]) => slice(numbers, 0, NUMBERS.indexOf(name), 1) // [1]
  const m = add(mul(vector('m'), number('beta1')), mul(g, number('gain1')))
  const v = add(mul(vector('v'), number('beta2')), mul(mul(g, g), number('gain2')))
  const root = add(div(sqrt(v), number('root_correction2')), number('epsilon'))
  return {
    new_theta: sub(mul(vector('theta'), number('kept')), mul(div(m, root), number('step_size'))),
    new_m: m,
    new_v: v,
  }
}

/** AdamW for any stretch of flat vectors; the gradient's norm is measured outside. */
export function adamWProgram(): Program {
  return program('adamw', adamW('n', mul(input('gradient', 'f32', ['n']), input('clip', 'f32', []))))
}

/** An optimizer over shared memory. `step` counts from 1. Returns the gradient's norm before it was clipped. */
export async function openOptimizer(pool: Pool, options: AdamW) {
  const update = await pool.load(adamWProgram(), {})
  return async (
    { theta, m, v }: Moments,
    gradient: Float32Array,
    step: number,
    learningRate: number,
  ): Promise<number> => {
    const norm = normOf(gradient)
    const scalars = {
      clip: Float32Array.of(Math.min(1, options.maxGradNorm / (norm + 1e-6))),
      numbers: stepNumbers(options, step, learningRate),
    }
    const stretch = async (from: number) => {
      const part = (x: Float32Array) => x.subarray(from, from + CHUNK)
      const feeds = { theta: part(theta), m: part(m), v: part(v), gradient: part(gradient), ...scalars }
      // In place: each result is the last to be made of what it overwrites.
      await update.run(feeds, { n: part(theta).length }, { new_theta: part(theta), new_m: part(m), new_v: part(v) })
    }
    await Promise.all(Array.from({ length: Math.ceil(theta.length / CHUNK) }, (_, i) => stretch(i * CHUNK)))
    return norm
  }
}

/** Summed in double precision in one fixed order, so that the number of threads changes nothing. */
function normOf(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i]
  return Math.sqrt(sum)
}
