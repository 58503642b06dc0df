import { asDevice } from '../../graph/runtime/device.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import { deviceStepper } from './device-stepper.ts'
import { gradientSum } from './gradient-sum.ts'
import { openOptimizer } from './optimizer.ts'
import type { Stepper, Work } from './stepper.ts'

export async function openStepper(pool: Pool, work: Work): Promise<Stepper> {
  const device = asDevice(pool)
  return device ? deviceStepper(device, work) : poolStepper(pool, work)
}

/** On the CPU all is in shared memory: results are written where they belong. */
async function poolStepper(pool: Pool, work: Work): Promise<Stepper> {
  const { parameters, moments } = work
  const program = await pool.load(work.gradient, work.bound, { changing: work.values })
  const { gradient, sum } = gradientSum(program, parameters, pool.size)
  const update = await openOptimizer(pool, work.optimizer)
  const losses: number[] = []
  return {
    lossesEvery: 1,
    async step(batches, number, learningRate) {
      losses.push(await sum(batches))
      await update(moments, gradient, number, learningRate)
    },
    losses: async () => losses.splice(0),
    fetch: async () => {},
    put: () => {},
    load: (program) => pool.load(program, work.bound, { changing: work.values }),
  }
}
