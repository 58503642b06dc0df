import { asDevice } from '../../graph/runtime/device.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import { openDeviceStepper } from './device-stepper.ts'
import { makeGradientAccumulator } from './gradient-accumulator.ts'
import { openOptimizer } from './optimizer.ts'
import { splitScatters } from './scattered-gradients.ts'
import type { Stepper, StepperOptions } from './stepper.ts'

/** Opens a stepper on the device of a pool, or on its threads. */
export async function openStepper(pool: Pool, options: StepperOptions): Promise<Stepper> {
  const device = asDevice(pool)
  return device ? openDeviceStepper(device, options) : openPoolStepper(pool, options)
}

/** On the CPU everything is in shared memory, so the programs write their results in place. */
async function openPoolStepper(pool: Pool, options: StepperOptions): Promise<Stepper> {
  const { parameters, vectors, values, bound, optimizer } = options
  const { program, scattered } = splitScatters(options.gradientProgram)
  const loaded = await pool.load(program, bound, { mutable: values })
  const { gradient, accumulate } = makeGradientAccumulator(loaded, parameters, pool.size, scattered)
  const update = await openOptimizer(pool, optimizer)
  const losses: number[] = []
  return {
    lossReadInterval: 1,
    async step(batches, number, learningRate) {
      losses.push(await accumulate(batches))
      await update(vectors, gradient, number, learningRate)
    },
    readLosses: async () => losses.splice(0),
    download: async () => {},
    upload: () => {},
    load: (program) => pool.load(program, bound, { mutable: values }),
  }
}
