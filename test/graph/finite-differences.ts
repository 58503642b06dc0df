import { gradients } from '../../graph/gradients.ts'
import type { Target } from '../../graph/onnx/emitter.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { mul } from '../../graph/ops/elementwise.ts'
import { constant, input } from '../../graph/ops/leaf.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { buildProgram } from '../../graph/program.ts'
import { openSession } from '../../graph/runtime/session.ts'
import type { Tensor } from '../../graph/tensor.ts'

/** A function whose gradients with respect to its f32 inputs are checked. */
export interface Case {
  /** The shapes of the inputs. */
  inputs: readonly (readonly number[])[]
  build(inputs: Tensor[]): Tensor
  /** The values of the inputs, such as values away from a kink. Defaults to pseudo-random numbers. */
  values?: (i: number) => number
}

const numbers = (n: number, seed: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed))
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/**
 * Returns the largest difference between the gradient and central differences, relative to the gradient's largest
 * entry.
 */
export async function gradientError({ inputs, build, values }: Case, target: Target): Promise<number> {
  const x = inputs.map((shape, i) => input(`x${i}`, 'f32', shape))
  const y = build(x)
  // Each element of the result has a fixed random weight, so that errors cannot cancel out.
  const weights = constant([...numbers(sizeOf(y.shape as number[]), 99)], y.shape as number[])
  const loss = reduceSum(mul(y, weights))
  const grads = gradients(loss, x)
  const session = await openSession(
    lower(buildProgram('case', { loss, ...Object.fromEntries(grads.map((g, i) => [`g${i}`, g])) }), target, {
      symbols: {},
    }),
    { threads: 1 },
  )
  const feeds = Object.fromEntries(
    inputs.map((shape, i) => [
      `x${i}`,
      values ? Float32Array.from({ length: sizeOf(shape) }, (_, j) => values(j)) : numbers(sizeOf(shape), i),
    ]),
  )
  const results = await session.run(feeds, {})
  let worst = 0
  for (const [i, shape] of inputs.entries()) {
    const gradient = results[`g${i}`] as Float32Array
    const scale = Math.max(...gradient.map(Math.abs), 1e-3)
    for (let j = 0; j < sizeOf(shape); j++) {
      const evaluate = async (step: number) => {
        const shifted = feeds[`x${i}`].slice()
        shifted[j] += step
        return { x: shifted[j], loss: (await session.run({ ...feeds, [`x${i}`]: shifted }, {})).loss[0] as number }
      }
      const [low, high] = [await evaluate(-STEP), await evaluate(STEP)]
      worst = Math.max(worst, Math.abs((high.loss - low.loss) / (high.x - low.x) - gradient[j]) / scale)
    }
  }
  await session.close()
  return worst
}

const STEP = 1 / 256
