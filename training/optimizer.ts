import { add, div, mul, sqrt, sub } from '../graph/ops/elementwise.ts'
import { input } from '../graph/ops/leaf.ts'
import { type Program, program } from '../graph/program.ts'
import type { Pool } from '../graph/runtime/pool.ts'

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

/**
 * AdamW as torch has it (Loshchilov and Hutter 2019, arXiv 1711.05101): decoupled decay, epsilon outside the root.
 * Works on any stretch `n` of the flat vectors, since every element is for itself. What is the same for all of them comes as a number
 * made in double precision: 1 - 0.999 in single precision is off by 1e-5.
 */
export function adamWProgram(): Program {
  const vector = (name: string) => input(name, 'f32', ['n'])
  const number = (name: string) => input(name, 'f32', [])
  const g = mul(vector('gradient'), number('clip'))
  const m = add(mul(vector('m'), number('beta1')), mul(g, number('gain1')))
  const v = add(mul(vector('v'), number('beta2')), mul(mul(g, g), number('gain2')))
  const root = add(div(sqrt(v), number('root_correction2')), number('epsilon'))
  return program('adamw', {
    new_theta: sub(mul(vector('theta'), number('kept')), mul(div(m, root), number('step_size'))),
    new_m: m,
    new_v: v,
  })
}

/** An optimizer over shared memory. `step` counts from 1. Returns the gradient's norm before it was clipped. */
export async function openOptimizer(pool: Pool, options: AdamW) {
  const update = await pool.load(adamWProgram(), {})
  const one = (value: number) => Float32Array.of(value)
  return async (
    { theta, m, v }: Moments,
    gradient: Float32Array,
    step: number,
    learningRate: number,
  ): Promise<number> => {
    const norm = normOf(gradient)
    const scalars = {
      clip: one(Math.min(1, options.maxGradNorm / (norm + 1e-6))),
      beta1: one(options.beta1),
      gain1: one(1 - options.beta1),
      beta2: one(options.beta2),
      gain2: one(1 - options.beta2),
      epsilon: one(options.epsilon),
      kept: one(1 - learningRate * options.weightDecay),
      step_size: one(learningRate / (1 - options.beta1 ** step)),
      root_correction2: one(Math.sqrt(1 - options.beta2 ** step)),
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
