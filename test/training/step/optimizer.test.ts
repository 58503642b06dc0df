import { afterAll, describe, expect, test } from 'vitest'
import { makeRandom } from '../../../core/random.ts'
import { allocateSharedFloats } from '../../../core/shared-memory.ts'
import { openPool } from '../../../graph/runtime/pool.ts'
import { type AdamW, allocateMoments, openOptimizer, type TrainingVectors } from '../../../training/step/optimizer.ts'
import { expectNear, largestMagnitude, maxDifference } from '../../model/references.ts'

const pools = [1, 2].map((threads) => openPool(threads))
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
})

const options: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1e30 }
const RATES = [0, 5e-4, 1e-3, 2e-3]

const drawNormals = (length: number, purpose: string) => {
  const { normal } = makeRandom(1, purpose)
  return Float32Array.from({ length }, () => normal())
}
/** Returns a gradient with entries of very different sizes, like the gradients of A and B in LoRA. */
const gradientAt = (length: number, step: number) =>
  drawNormals(length, `gradient ${step}`).map((x, i) => x * 10 ** ((i % 7) - 4))

const toShared = (values: Float32Array): Float32Array => {
  const copy = allocateSharedFloats(values.length)
  copy.set(values)
  return copy
}

const initialVectors = (length: number): TrainingVectors => allocateMoments(toShared(drawNormals(length, 'theta')))

async function train(length: number, adamW: AdamW, pool = pools[1], gradients = gradientAt) {
  const update = await openOptimizer(pool, adamW)
  const vectors = initialVectors(length)
  const norms: number[] = []
  for (const [step, rate] of RATES.entries()) {
    norms.push(await update(vectors, gradients(length, step), step + 1, rate))
  }
  return { ...vectors, norms }
}

/** Computes torch.optim.AdamW and clip_grad_norm_ in double precision. */
function trainInDoublePrecision(length: number, { beta1, beta2, epsilon, weightDecay, maxGradNorm }: AdamW) {
  const theta = Float64Array.from(initialVectors(length).theta)
  const [m, v] = [new Float64Array(length), new Float64Array(length)]
  const norms: number[] = []
  for (const [step, rate] of RATES.entries()) {
    const gradient = gradientAt(length, step)
    const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0))
    norms.push(norm)
    const clip = Math.min(1, maxGradNorm / (norm + 1e-6))
    for (let i = 0; i < length; i++) {
      const g = gradient[i] * clip
      m[i] = beta1 * m[i] + (1 - beta1) * g
      v[i] = beta2 * v[i] + (1 - beta2) * g * g
      const root = Math.sqrt(v[i] / (1 - beta2 ** (step + 1))) + epsilon
      theta[i] = theta[i] * (1 - rate * weightDecay) - (rate * (m[i] / (1 - beta1 ** (step + 1)))) / root
    }
  }
  return { theta, m, v, norms }
}

/** Returns the largest relative error. Single precision keeps seven digits of every number. */
const maxRelativeError = (actual: Float32Array, expected: Float64Array) =>
  maxDifference(
    actual.map((x, i) => x / expected[i] - 1),
    new Float32Array(actual.length),
  )

describe('AdamW', () => {
  // A chunk has 65,536 elements: part of a chunk, one full chunk, one element more, several chunks.
  test.each([1, 1000, 65_536, 65_537, 200_000])('of a vector of %d elements is that of torch', async (length) => {
    const actual = await train(length, options)
    const expected = trainInDoublePrecision(length, options)
    expectNear(actual.theta, expected.theta, 1e-6, 'theta')
    expect(maxRelativeError(actual.v, expected.v)).toBeLessThan(1e-6)
    expectNear(actual.m, expected.m, 1e-6 * largestMagnitude(expected.m), 'm')
    for (const [i, norm] of actual.norms.entries()) expect(norm / expected.norms[i]).toBeCloseTo(1, 9)
    expect(maxDifference(actual.theta, initialVectors(length).theta)).toBeGreaterThan(1e-4)
  })

  test('clips the gradient by its norm over all chunks', async () => {
    const clipped = { ...options, maxGradNorm: 0.5 }
    const actual = await train(70_000, clipped)
    const expected = trainInDoublePrecision(70_000, clipped)
    expect(Math.min(...actual.norms)).toBeGreaterThan(10)
    expectNear(actual.theta, expected.theta, 1e-6, 'theta')
    expect(maxRelativeError(actual.v, expected.v)).toBeLessThan(2e-6)
  })

  test('does not change a gradient that is short enough', async () => {
    const { norms, ...whole } = await train(1000, options)
    const { norms: _, ...clipped } = await train(1000, { ...options, maxGradNorm: 2 * Math.max(...norms) })
    expect(clipped).toEqual(whole)
  })

  test('applies only weight decay to elements without a gradient', async () => {
    const { theta, m, v } = await train(3, options, pools[0], (length) => new Float32Array(length))
    const decay = RATES.reduce((product, rate) => product * (1 - rate * options.weightDecay), 1)
    expectNear(
      theta,
      initialVectors(3).theta.map((x) => x * decay),
      1e-6,
      'theta',
    )
    expect([...m, ...v]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('has the same bytes on one thread and on two', async () => {
    expect(await train(150_000, options, pools[0])).toEqual(await train(150_000, options, pools[1]))
  })
})
