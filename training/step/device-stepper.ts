import { toMixedPrecision } from '../../graph/mixed-precision.ts'
import { add, div, less, mul, sqrt, where } from '../../graph/ops/elementwise.ts'
import { clamp } from '../../graph/ops/index-math.ts'
import { input, scalar } from '../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import { buildProgram, type Program, substitute } from '../../graph/program.ts'
import type { Device, DeviceTensor } from '../../graph/runtime/device.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { type NamedShape, packTensors, sizeOfShape, totalSize } from '../../model/tensor-shapes.ts'
import { gradientName } from './gradient-program.ts'
import { LOSS_SCALE_TYPE, lossFactor, nextLossScale } from './loss-scale.ts'
import { type AdamW, adamW, stepNumbers } from './optimizer.ts'
import type { Stepper, StepperOptions } from './stepper.ts'

/** Steps between two reads of the losses. Waiting for the device after every step would leave it idle in between. */
const LOSS_READ_INTERVAL = 8

/** The largest norm of a usable gradient, just below the largest f32. */
const MAX_USABLE_NORM = 3e38

/**
 * Opens a stepper on a device, which keeps θ, m, v, the gradient and the losses in its memory. A step uploads token
 * ids, mask, labels and eight numbers, and downloads nothing.
 */
export async function openDeviceStepper(device: Device, options: StepperOptions): Promise<Stepper> {
  const { parameters, vectors, optimizer } = options
  const n = totalSize(parameters)
  const vectorType = { dtype: 'f32', shape: [n] } as const
  const scalarType = { dtype: 'f32', shape: [] } as const
  const state = { theta: device.allocate(vectorType), m: device.allocate(vectorType), v: device.allocate(vectorType) }
  const gradient = device.allocate(vectorType)
  const zeros = {
    gradient: device.allocate(vectorType, new Float32Array(n)),
    loss: device.allocate(scalarType, new Float32Array(1)),
  }
  const scale = options.lossScale && { onDevice: device.allocate(LOSS_SCALE_TYPE), onHost: options.lossScale }
  /** Tensors on the device, each with its copy on the host. */
  const copies: readonly (readonly [DeviceTensor, Float32Array])[] = [
    [state.theta, vectors.theta],
    [state.m, vectors.m],
    [state.v, vectors.v],
    ...(scale ? [[scale.onDevice, scale.onHost] as const] : []),
  ]

  const inPrecision = (program: Program) => (options.precision === 'f16' ? toMixedPrecision(program) : program)
  const deviceInputs = { ...state, gradient, ...(scale && { loss_scale: scale.onDevice }) }
  const bound = { ...options.bound, ...deviceInputs }
  const accumulate = await device.load(
    inPrecision(accumulationProgram(options.gradientProgram, parameters, Boolean(scale))),
    bound,
  )
  const updated = {
    new_theta: state.theta,
    new_m: state.m,
    new_v: state.v,
    ...(scale && { new_loss_scale: scale.onDevice }),
  }
  const update = await device.load(updateProgram(n, optimizer, Boolean(scale)), deviceInputs)
  let unreadLosses: DeviceTensor[] = []

  const upload = () => {
    for (const [onDevice, onHost] of copies) device.write(onDevice, onHost)
  }
  upload()
  return {
    lossReadInterval: LOSS_READ_INTERVAL,
    async step(batches, number, learningRate) {
      const loss = device.allocate(scalarType)
      unreadLosses.push(loss)
      for (const [i, { feeds, symbols }] of batches.entries()) {
        const before = i === 0 ? zeros : { gradient, loss }
        const operands = { ...feeds, gradient_before: before.gradient, loss_before: before.loss }
        await accumulate.run(operands, symbols, { gradient, loss })
      }
      await update.run({ numbers: stepNumbers(optimizer, number, learningRate) }, {}, updated)
    },
    async readLosses() {
      const losses = unreadLosses
      unreadLosses = []
      const values: number[] = []
      for (const loss of losses) values.push(Number((await device.read(loss))[0]))
      device.free(...losses)
      if (scale) scale.onHost.set((await device.read(scale.onDevice)) as Float32Array)
      return values
    },
    async download() {
      for (const [onDevice, onHost] of copies) onHost.set((await device.read(onDevice)) as Float32Array)
    },
    upload,
    load: (program) =>
      device.load(inPrecision(buildProgram(program.name, substitute(program, sliceTheta(parameters)))), bound),
  }
}

/** Returns the trained tensors as slices of the input `theta` [P]. */
function sliceTheta(parameters: readonly NamedShape[]): Record<string, Tensor> {
  const theta = input('theta', 'f32', [totalSize(parameters)])
  const views = packTensors(parameters).map(
    ({ name, shape, from, size }) => [name, reshape(slice(theta, 0, from, size), shape)] as const,
  )
  return Object.fromEntries(views)
}

/**
 * Returns a gradient program over packed vectors. It adds the gradient [P] and the loss of a micro-batch to those of
 * the micro-batches before it.
 */
function accumulationProgram(program: Program, parameters: readonly NamedShape[], scaled: boolean): Program {
  const weights = program.inputs.label_weights
  const factor = lossFactor()
  const results = substitute(program, {
    ...sliceTheta(parameters),
    ...(scaled && { label_weights: mul(input('label_weights', weights.dtype, weights.shape), factor) }),
  })
  const parts = parameters.map(({ name, shape }) => reshape(results[gradientName(name)], [sizeOfShape(shape)]))
  return buildProgram(program.name, {
    gradient: add(input('gradient_before', 'f32', [totalSize(parameters)]), concat(parts, 0)),
    loss: add(input('loss_before', 'f32', []), scaled ? div(results.loss, factor) : results.loss),
  })
}

/**
 * Returns AdamW on whole vectors. It also computes the norm of the gradient and clips it. If the loss is scaled, a
 * gradient that overflowed changes nothing.
 */
function updateProgram(n: number, { maxGradNorm }: AdamW, scaled: boolean): Program {
  const summed = input('gradient', 'f32', [n])
  const gradient = scaled ? div(summed, lossFactor()) : summed
  const norm = sqrt(reduceSum(mul(gradient, gradient)))
  const clip = clamp(div(scalar(Math.min(maxGradNorm, MAX_USABLE_NORM)), add(norm, scalar(1e-6))), 0, 1)
  const updated = adamW(n, mul(gradient, clip))
  if (!scaled) return buildProgram('adamw', updated)
  // Also false if the norm is not a number.
  const usable = less(norm, scalar(MAX_USABLE_NORM))
  const results = Object.entries(updated).map(([name, value]) => {
    const before = input(name.replace('new_', ''), 'f32', [n])
    return [name, where(usable, value, before)] as const
  })
  return buildProgram('adamw', { ...Object.fromEntries(results), new_loss_scale: nextLossScale(usable) })
}
