import { describe, expect, test } from 'vitest'
import { readSafetensors } from '../../checkpoint/safetensors.ts'
import { sharedFloats } from '../../core/shared-memory.ts'
import { gradients } from '../../graph/gradients.ts'
import { add, mul } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { program } from '../../graph/program.ts'
import { openDevice } from '../../graph/runtime/device.ts'
import { openEngine } from '../../serving/engine.ts'
import { flat } from '../../training/step/flat.ts'
import { initialLossScale } from '../../training/step/loss-scale.ts'
import { openStepper } from '../../training/step/open-stepper.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'
import { keepDeviceWarm } from '../warm-device.ts'
import { reviews, run, tinyBase, tinySpec, weightsPath, writeReviews } from './tiny.ts'

keepDeviceWarm()

/** Software Vulkan multiplies matrices hundreds of times slower than the CPU device. */
const SLOW = 180_000

const data = writeReviews(reviews(60))
const tiny = (fields: object = {}) =>
  tinySpec({ data, test: undefined, steps: 6, batch_tokens: 400, dropout: 0.1, ...fields })

/** One decoder row attends to itself alone, whatever its query: of those gradients there is rounding alone, which AdamW makes as large as any. */
const hasNoGradient = (name: string) => /decoder.*SelfAttention\.[qk]/.test(name)

async function expectSameWeights(a: string, b: string, limit: number) {
  const [{ tensors: x }, { tensors: y }] = await Promise.all([a, b].map((out) => readSafetensors(weightsPath(out))))
  expect([...y.keys()]).toEqual([...x.keys()])
  for (const [name, { data }] of x) {
    if (hasNoGradient(name)) continue
    for (const [i, value] of data.entries()) expect(Math.abs(value - y.get(name)!.data[i]), name).toBeLessThan(limit)
  }
}

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('a training on WebGPU'), { timeout: SLOW }, () => {
  test('ends where that of the CPU ends, with dropout, cut into other micro-batches', async () => {
    const [cpu, gpu] = [tiny({ device: 'cpu' }), tiny({ device: 'webgpu', micro_tokens: 200 })]
    const [a, b] = [await run(cpu), await run(gpu)]
    expect(Math.abs(b.result!.loss - a.result!.loss) / a.result!.loss).toBeLessThan(1e-4)
    expect(b.result!.curve.map(({ step }) => step)).toEqual(a.result!.curve.map(({ step }) => step))
    await expectSameWeights(cpu.out, gpu.out, 1e-4)
  })

  test.each(['bottleneck', 'soft-prompt', 'full'])('of %s, too', async (method) => {
    const fields = { method, steps: 3, dropout: 0 }
    const [cpu, gpu] = [tiny({ ...fields, device: 'cpu' }), tiny({ ...fields, device: 'webgpu' })]
    const [a, b] = [await run(cpu), await run(gpu)]
    expect(Math.abs(b.result!.loss - a.result!.loss) / a.result!.loss).toBeLessThan(1e-4)
    await expectSameWeights(cpu.out, gpu.out, 1e-4)
  })

  test.each([
    ['webgpu', 'cpu'],
    ['cpu', 'webgpu'],
  ] as const)('that began on %s goes on on %s', async (first, second) => {
    const [whole, spec] = [tiny({ device: 'cpu', steps: 10 }), tiny({ device: first, steps: 10 })]
    await run(whole)
    expect((await run(spec, { stopAt: 8 })).result).toBeUndefined()
    const { result } = await run({ ...spec, device: second }, { resume: true })
    expect(result?.steps).toBe(10)
    await expectSameWeights(whole.out, spec.out, 1e-4)
  })

  test('classifies as the CPU does, alone and served', async () => {
    const spec = tiny({ device: 'cpu', steps: 20, dropout: 0 })
    await run(spec)
    const texts = reviews(12, 5).map(({ text }) => text)
    const answers = []
    for (const device of ['cpu', 'webgpu'] as const) {
      const engine = await openEngine({ base: tinyBase(), folderOf: async (key) => key, device, threads: 1 })
      answers.push(await engine.classify(texts.map((text) => ({ text, adapter: spec.out }))))
      await engine.close()
    }
    for (const [i, one] of answers[0].entries()) {
      const other = answers[1][i]
      if (!('scores' in one) || !('scores' in other)) throw new Error('an answer is missing')
      expect(other.label).toBe(one.label)
      for (const [label, score] of Object.entries(one.scores)) expect(other.scores[label]).toBeCloseTo(score, 5)
    }
  })
})

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('a scaled loss'), () => {
  /** loss = Σ label_weights · x · t, so that the gradient of t is what is fed. */
  async function opened(lossScale: Float32Array) {
    const t = input('t', 'f32', [2])
    const loss = reduceSum(mul(mul(input('x', 'f32', [2]), t), input('label_weights', 'f32', [2])))
    const [grad] = gradients(loss, [t])
    const parameters = [{ name: 't', shape: [2] }]
    const { vector: theta, views: values } = flat(parameters)
    theta.set([1, 2])
    const device = openDevice()
    const moments = { theta, m: sharedFloats(2), v: sharedFloats(2) }
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1e9 }
    const gradient = program('linear', { loss: add(loss, input('zero', 'f32', [])), 'grad.t': grad })
    const bound = { zero: Float32Array.of(0) }
    const stepper = await openStepper(device, { gradient, parameters, moments, values, bound, optimizer, lossScale })
    const step = (number: number, x: number[]) =>
      stepper.step(
        [{ feeds: { x: Float32Array.from(x), label_weights: Float32Array.of(1, 1) }, symbols: {} }],
        number,
        0.1,
      )
    return { device, stepper, moments, step }
  }

  test('changes no gradient, and its loss is told as it is', async () => {
    const { device, stepper, moments, step } = await opened(initialLossScale())
    await step(1, [3, -2])
    expect(await stepper.losses()).toEqual([3 * 1 - 2 * 2])
    await stepper.fetch()
    // The first step of AdamW goes as far as the rate says, against the sign of the gradient.
    expect([...moments.theta]).toEqual([expect.closeTo(0.9, 5), expect.closeTo(2.1, 5)])
    expect([...moments.m]).toEqual([expect.closeTo(0.3, 5), expect.closeTo(-0.2, 5)])
    await device.close()
  })

  test('skips a step that overflows, halves the factor, and goes on', async () => {
    const lossScale = Float32Array.of(2 ** 127, 5, 0)
    const { device, stepper, moments, step } = await opened(lossScale)
    await step(1, [30, 1])
    await stepper.fetch()
    expect([...moments.theta]).toEqual([1, 2])
    expect([...moments.m]).toEqual([0, 0])
    expect([...lossScale]).toEqual([2 ** 126, 0, 1])
    await step(2, [0.5, 0.5])
    await stepper.fetch()
    expect(moments.theta[0]).toBeLessThan(1)
    expect([...lossScale]).toEqual([2 ** 126, 1, 1])
    await device.close()
  })

  test('doubles the factor after 2,000 good steps', async () => {
    const lossScale = Float32Array.of(64, 1998, 3)
    const { device, stepper, step } = await opened(lossScale)
    await step(1, [1, 1])
    await stepper.fetch()
    expect([...lossScale]).toEqual([64, 1999, 3])
    await step(2, [1, 1])
    await stepper.fetch()
    expect([...lossScale]).toEqual([128, 0, 3])
    await device.close()
  })
})
