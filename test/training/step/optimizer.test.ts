import { afterAll, describe, expect, test } from 'vitest'
import { random } from '../../../core/random.ts'
import { sharedFloats } from '../../../core/shared-memory.ts'
import { openPool } from '../../../graph/runtime/pool.ts'
import { type AdamW, type Moments, openOptimizer } from '../../../training/step/optimizer.ts'
import { distance, expectNear, largest } from '../../model/references.ts'

const pools = [1, 2].map((threads) => openPool(threads))
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
})

const options: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1e30 }
const RATES = [0, 5e-4, 1e-3, 2e-3]

const normals = (length: number, purpose: string) => {
  const { normal } = random(1, purpose)
  return Float32Array.from({ length }, () => normal())
}
/** Gradients of very different sizes, as those of A and B of a LoRA. */
const gradientOf = (length: number, step: number) =>
  normals(length, `gradient ${step}`).map((x, i) => x * 10 ** ((i % 7) - 4))

const shared = (values: Float32Array): Float32Array => {
  const copy = sharedFloats(values.length)
  copy.set(values)
  return copy
}

const start = (length: number): Moments => ({
  theta: shared(normals(length, 'theta')),
  m: sharedFloats(length),
  v: sharedFloats(length),
})

async function train(length: number, adamW: AdamW, pool = pools[1], gradients = gradientOf) {
  const update = await openOptimizer(pool, adamW)
  const moments = start(length)
  const norms: number[] = []
  for (const [step, rate] of RATES.entries()) {
    norms.push(await update(moments, gradients(length, step), step + 1, rate))
  }
  return { ...moments, norms }
}

/** The formulas of torch.optim.AdamW and clip_grad_norm_, in double precision. */
function inDoublePrecision(length: number, { beta1, beta2, epsilon, weightDecay, maxGradNorm }: AdamW) {
  const theta = Float64Array.from(start(length).theta)
  const [m, v] = [new Float64Array(length), new Float64Array(length)]
  const norms: number[] = []
  for (const [step, rate] of RATES.entries()) {
    const gradient = gradientOf(length, step)
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

/** The largest error relative to each entry of its own: single precision keeps seven digits of every number. */
const relative = (actual: Float32Array, expected: Float64Array) =>
  distance(
    actual.map((x, i) => x / expected[i] - 1),
    new Float32Array(actual.length),
  )

describe('AdamW', () => {
  // A stretch has 65,536 elements: one alone, one exactly, one more than one, several.
  test.each([1, 1000, 65_536, 65_537, 200_000])('of a vector of %d is that of torch', async (length) => {
    const actual = await train(length, options)
    const expected = inDoublePrecision(length, options)
    expectNear(actual.theta, expected.theta, 1e-6, 'theta')
    expect(relative(actual.v, expected.v)).toBeLessThan(1e-6)
    expectNear(actual.m, expected.m, 1e-6 * largest(expected.m), 'm')
    for (const [i, norm] of actual.norms.entries()) expect(norm / expected.norms[i]).toBeCloseTo(1, 9)
    expect(distance(actual.theta, start(length).theta)).toBeGreaterThan(1e-4)
  })

  test('cuts the gradient to its norm over all numbers, those of other stretches included', async () => {
    const clipped = { ...options, maxGradNorm: 0.5 }
    const actual = await train(70_000, clipped)
    const expected = inDoublePrecision(70_000, clipped)
    expect(Math.min(...actual.norms)).toBeGreaterThan(10)
    expectNear(actual.theta, expected.theta, 1e-6, 'theta')
    expect(relative(actual.v, expected.v)).toBeLessThan(2e-6)
  })

  test('leaves a gradient alone that is shorter', async () => {
    const { norms, ...whole } = await train(1000, options)
    const { norms: _, ...cut } = await train(1000, { ...options, maxGradNorm: 2 * Math.max(...norms) })
    expect(cut).toEqual(whole)
  })

  test('shrinks a number without a gradient by the decay alone', async () => {
    const { theta, m, v } = await train(3, options, pools[0], (length) => new Float32Array(length))
    const kept = RATES.reduce((product, rate) => product * (1 - rate * options.weightDecay), 1)
    expectNear(
      theta,
      start(3).theta.map((x) => x * kept),
      1e-6,
      'theta',
    )
    expect([...m, ...v]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('gives the same bytes on one thread and on two', async () => {
    expect(await train(150_000, options, pools[0])).toEqual(await train(150_000, options, pools[1]))
  })
})
