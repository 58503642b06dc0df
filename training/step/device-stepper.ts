import { halved } from '../../graph/mixed-precision.ts'
import { add, div, less, mul, sqrt, where } from '../../graph/ops/elementwise.ts'
import { clamp } from '../../graph/ops/index-math.ts'
import { input, scalar } from '../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import { type Program, program, substitute } from '../../graph/program.ts'
import type { Device, Held } from '../../graph/runtime/device.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { countOf, laidOut, type NamedShape, sizeOfShape } from '../../model/t5/tensors.ts'
import { gradientName } from './gradient-program.ts'
import { LOSS_SCALE, lossFactor, nextLossScale } from './loss-scale.ts'
import { type AdamW, adamW, stepNumbers } from './optimizer.ts'
import type { Stepper, Work } from './stepper.ts'

/** Steps between two looks at the loss: waiting for the device at every step would leave it idle in between. */
const LOSSES_EVERY = 8

/**
 * On a device θ, m, v, the gradient and the losses stay there: a step uploads token ids, mask, labels and eight numbers, and downloads
 * nothing.
 */
export async function deviceStepper(device: Device, work: Work): Promise<Stepper> {
  const { parameters, moments, optimizer } = work
  const n = countOf(parameters)
  const vector = { dtype: 'f32', shape: [n] } as const
  const one = { dtype: 'f32', shape: [] } as const
  const vectors = { theta: device.hold(vector), m: device.hold(vector), v: device.hold(vector) }
  const gradient = device.hold(vector)
  const nothing = { gradient: device.hold(vector, new Float32Array(n)), loss: device.hold(one, new Float32Array(1)) }
  const scale = work.lossScale && { held: device.hold(LOSS_SCALE), host: work.lossScale }
  const state: readonly (readonly [Held, Float32Array])[] = [
    [vectors.theta, moments.theta],
    [vectors.m, moments.m],
    [vectors.v, moments.v],
    ...(scale ? [[scale.held, scale.host] as const] : []),
  ]

  const inPrecision = (model: Program) => (work.precision === 'f16' ? halved(model) : model)
  const held = { ...vectors, gradient, ...(scale && { loss_scale: scale.held }) }
  const bound = { ...work.bound, ...held }
  const accumulate = await device.load(inPrecision(accumulated(work.gradient, parameters, Boolean(scale))), bound)
  const updated = {
    new_theta: vectors.theta,
    new_m: vectors.m,
    new_v: vectors.v,
    ...(scale && { new_loss_scale: scale.held }),
  }
  const update = await device.load(updateProgram(n, optimizer, Boolean(scale)), held)
  let unread: Held[] = []

  const put = () => {
    for (const [held, data] of state) device.put(held, data)
  }
  put()
  return {
    lossesEvery: LOSSES_EVERY,
    async step(batches, number, learningRate) {
      const loss = device.hold(one)
      unread.push(loss)
      for (const [i, { feeds, symbols }] of batches.entries()) {
        const before = i === 0 ? nothing : { gradient, loss }
        const operands = { ...feeds, gradient_before: before.gradient, loss_before: before.loss }
        await accumulate.run(operands, symbols, { gradient, loss })
      }
      await update.run({ numbers: stepNumbers(optimizer, number, learningRate) }, {}, updated)
    },
    async losses() {
      const taken = unread
      unread = []
      const values: number[] = []
      for (const loss of taken) values.push(Number((await device.read(loss))[0]))
      device.free(...taken)
      if (scale) scale.host.set((await device.read(scale.held)) as Float32Array)
      return values
    },
    async fetch() {
      for (const [held, data] of state) data.set((await device.read(held)) as Float32Array)
    },
    put,
    load: (model) => device.load(inPrecision(program(model.name, substitute(model, fromTheta(parameters)))), bound),
  }
}

/** The trained tensors, cut out of the input `theta` [P]. */
function fromTheta(parameters: readonly NamedShape[]): Record<string, Tensor> {
  const theta = input('theta', 'f32', [countOf(parameters)])
  const views = laidOut(parameters).map(
    ({ name, shape, from, size }) => [name, reshape(slice(theta, 0, from, size), shape)] as const,
  )
  return Object.fromEntries(views)
}

/** A gradient program over flat vectors: `gradient` [P] and `loss` are what came before and this micro-batch's. */
function accumulated(model: Program, parameters: readonly NamedShape[], scaled: boolean): Program {
  const weights = model.inputs.label_weights
  const factor = lossFactor()
  const results = substitute(model, {
    ...fromTheta(parameters),
    ...(scaled && { label_weights: mul(input('label_weights', weights.dtype, weights.shape), factor) }),
  })
  const parts = parameters.map(({ name, shape }) => reshape(results[gradientName(name)], [sizeOfShape(shape)]))
  return program(model.name, {
    gradient: add(input('gradient_before', 'f32', [countOf(parameters)]), concat(parts, 0)),
    loss: add(input('loss_before', 'f32', []), scaled ? div(results.loss, factor) : results.loss),
  })
}

/** AdamW on whole vectors, with the gradient's norm measured and cut on the device; where the loss is scaled, one that overflowed is left. */
function updateProgram(n: number, { maxGradNorm }: AdamW, scaled: boolean): Program {
  const summed = input('gradient', 'f32', [n])
  const gradient = scaled ? div(summed, lossFactor()) : summed
  const norm = sqrt(reduceSum(mul(gradient, gradient)))
  const clip = clamp(div(scalar(Math.min(maxGradNorm, 3e38)), add(norm, scalar(1e-6))), 0, 1)
  const updated = adamW(n, mul(gradient, clip))
  if (!scaled) return program('adamw', updated)
  // False for what is not a number, too.
  const usable = less(norm, scalar(3e38))
  const kept = Object.entries(updated).map(([name, value]) => {
    const before = input(name.replace('new_', ''), 'f32', [n])
    return [name, where(usable, value, before)] as const
  })
  return program('adamw', { ...Object.fromEntries(kept), new_loss_scale: nextLossScale(usable) })
}
