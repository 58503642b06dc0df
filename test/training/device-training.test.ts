import { describe, expect, test } from 'vitest'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { gradients } from '../../graph/gradients.ts'
import { add, mul } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { buildProgram } from '../../graph/program.ts'
import { openDevice } from '../../graph/runtime/device.ts'
import { openEngine } from '../../serving/engine.ts'
import { initialLossScale } from '../../training/step/loss-scale.ts'
import { openStepper } from '../../training/step/open-stepper.ts'
import { allocateMoments } from '../../training/step/optimizer.ts'
import { allocatePacked } from '../../training/step/packed-tensors.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'
import { keepDeviceWarm } from '../warm-device.ts'
import { makeReviews, runTraining, tinyBase, tinySpec, weightsPath, writeReviews } from './tiny.ts'

keepDeviceWarm()

/** Software Vulkan multiplies matrices hundreds of times slower than the CPU does. */
const TIMEOUT_MS = 180_000

/** Short reviews, because the time of software Vulkan depends on the number of tokens. */
const data = writeReviews(
  makeReviews(60).map(({ text, label }) => ({ text: text.split(' ').slice(0, 6).join(' '), label })),
)
const tiny = (fields: object = {}) =>
  tinySpec({ data, test: undefined, steps: 4, batch_tokens: 60, dropout: 0.1, ...fields })

/**
 * A single decoder position attends only to itself, so queries and keys do not matter. Their gradients are rounding
 * errors, which AdamW scales up.
 */
const hasNoGradient = (name: string) => /decoder.*SelfAttention\.[qk]/.test(name)

async function expectSameWeights(a: string, b: string, limit: number) {
  const [{ tensors: x }, { tensors: y }] = await Promise.all([a, b].map((out) => readTensorFile(weightsPath(out))))
  expect([...y.keys()]).toEqual([...x.keys()])
  for (const [name, { data }] of x) {
    if (hasNoGradient(name)) continue
    for (const [i, value] of data.entries()) expect(Math.abs(value - y.get(name)!.data[i]), name).toBeLessThan(limit)
  }
}

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('a training on WebGPU'), { timeout: TIMEOUT_MS }, () => {
  test('ends with the weights of the CPU, also with dropout and other micro-batches', async () => {
    const [cpu, gpu] = [tiny({ device: 'cpu' }), tiny({ device: 'webgpu', micro_tokens: 30 })]
    const [a, b] = [await runTraining(cpu), await runTraining(gpu)]
    expect(Math.abs(b.result!.loss - a.result!.loss) / a.result!.loss).toBeLessThan(1e-4)
    expect(b.result!.curve.map(({ step }) => step)).toEqual(a.result!.curve.map(({ step }) => step))
    await expectSameWeights(cpu.out, gpu.out, 1e-4)
  })

  test.each(['bottleneck', 'soft-prompt', 'full'])('ends with the weights of the CPU for %s', async (method) => {
    const fields = { method, steps: 2, dropout: 0 }
    const [cpu, gpu] = [tiny({ ...fields, device: 'cpu' }), tiny({ ...fields, device: 'webgpu' })]
    const [a, b] = [await runTraining(cpu), await runTraining(gpu)]
    expect(Math.abs(b.result!.loss - a.result!.loss) / a.result!.loss).toBeLessThan(1e-4)
    await expectSameWeights(cpu.out, gpu.out, 1e-4)
  })

  test.each([
    ['webgpu', 'cpu'],
    ['cpu', 'webgpu'],
  ] as const)('that started on %s continues on %s', async (first, second) => {
    const [whole, spec] = [tiny({ device: 'cpu', steps: 10 }), tiny({ device: first, steps: 10 })]
    await runTraining(whole)
    expect((await runTraining(spec, { stopAt: 8 })).result).toBeUndefined()
    const { result } = await runTraining({ ...spec, device: second }, { resume: true })
    expect(result?.steps).toBe(10)
    await expectSameWeights(whole.out, spec.out, 1e-4)
  })

  test('gives an adapter that classifies the same on both devices', async () => {
    const spec = tiny({ device: 'cpu', steps: 20, dropout: 0 })
    await runTraining(spec)
    const texts = makeReviews(12, 5).map(({ text }) => text)
    const answers = []
    for (const device of ['cpu', 'webgpu'] as const) {
      const engine = await openEngine({ base: tinyBase(), folderOf: async (key) => key, device, threads: 1 })
      answers.push(await engine.classify(texts.map((text) => ({ text, adapter: spec.out }))))
      await engine.close()
    }
    for (const [i, onCpu] of answers[0].entries()) {
      const onGpu = answers[1][i]
      if (!('scores' in onCpu) || !('scores' in onGpu)) throw new Error('an answer is missing')
      expect(onGpu.label).toBe(onCpu.label)
      for (const [label, score] of Object.entries(onCpu.scores)) expect(onGpu.scores[label]).toBeCloseTo(score, 5)
    }
  })
})

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('a scaled loss'), () => {
  /** Opens a stepper for loss = Σ label_weights · x · t, so that the gradient of t is the input x. */
  async function openLinearStepper(lossScale: Float32Array) {
    const t = input('t', 'f32', [2])
    const loss = reduceSum(mul(mul(input('x', 'f32', [2]), t), input('label_weights', 'f32', [2])))
    const [grad] = gradients(loss, [t])
    const parameters = [{ name: 't', shape: [2] }]
    const { vector: theta, views: values } = allocatePacked(parameters)
    theta.set([1, 2])
    const device = openDevice()
    const vectors = allocateMoments(theta)
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1e9 }
    const gradientProgram = buildProgram('linear', { loss: add(loss, input('zero', 'f32', [])), 'grad.t': grad })
    const bound = { zero: Float32Array.of(0) }
    const stepper = await openStepper(device, {
      gradientProgram,
      parameters,
      vectors,
      values,
      bound,
      optimizer,
      lossScale,
    })
    const step = (number: number, x: number[]) =>
      stepper.step(
        [{ feeds: { x: Float32Array.from(x), label_weights: Float32Array.of(1, 1) }, symbols: {} }],
        number,
        0.1,
      )
    return { device, stepper, vectors, step }
  }

  test('changes neither the gradient nor the reported loss', async () => {
    const { device, stepper, vectors, step } = await openLinearStepper(initialLossScale())
    await step(1, [3, -2])
    expect(await stepper.readLosses()).toEqual([3 * 1 - 2 * 2])
    await stepper.download()
    // The first step of AdamW is as long as the learning rate, against the sign of the gradient.
    expect([...vectors.theta]).toEqual([expect.closeTo(0.9, 5), expect.closeTo(2.1, 5)])
    expect([...vectors.m]).toEqual([expect.closeTo(0.3, 5), expect.closeTo(-0.2, 5)])
    await device.close()
  })

  test('skips a step that overflows, halves the factor, and continues', async () => {
    const lossScale = Float32Array.of(2 ** 127, 5, 0)
    const { device, stepper, vectors, step } = await openLinearStepper(lossScale)
    await step(1, [30, 1])
    await stepper.download()
    expect([...vectors.theta]).toEqual([1, 2])
    expect([...vectors.m]).toEqual([0, 0])
    expect([...lossScale]).toEqual([2 ** 126, 0, 1])
    await step(2, [0.5, 0.5])
    await stepper.download()
    expect(vectors.theta[0]).toBeLessThan(1)
    expect([...lossScale]).toEqual([2 ** 126, 1, 1])
    await device.close()
  })

  test('doubles the factor after 2,000 good steps', async () => {
    const lossScale = Float32Array.of(64, 1998, 3)
    const { device, stepper, step } = await openLinearStepper(lossScale)
    await step(1, [1, 1])
    await stepper.download()
    expect([...lossScale]).toEqual([64, 1999, 3])
    await step(2, [1, 1])
    await stepper.download()
    expect([...lossScale]).toEqual([128, 0, 3])
    await device.close()
  })
})
