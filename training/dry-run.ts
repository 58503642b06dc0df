import { availableParallelism } from 'node:os'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { prepare } from './data/prepare.ts'
import { trainingSteps } from './data/steps.ts'
import type { TrainingListener } from './events.ts'
import type { TrainingSpec } from './spec.ts'
import { resolveDevice } from './step/resolve-device.ts'
import { openTrainer } from './step/trainer.ts'

const MEASURED_STEPS = 2

/** Reads and checks everything that a training needs, and measures two real steps. Writes nothing. */
export async function dryRun(requested: TrainingSpec, onEvent: TrainingListener): Promise<void> {
  const spec = await resolveDevice(requested, onEvent)
  const threads = spec.threads ?? availableParallelism()
  const pool = openRuntime(spec.device, threads)
  try {
    const prepared = await prepare(spec, threads, onEvent)
    onEvent({ type: 'stage', message: 'Measuring two steps' })
    const trainer = await openTrainer(prepared, pool)
    const { plan } = prepared
    const measured = { seconds: 0, examples: 0 }
    let index = 0
    for (const rows of trainingSteps(prepared.lengths, spec)) {
      const start = performance.now()
      await trainer.step(rows, index++)
      await trainer.stepper.readLosses()
      measured.seconds += (performance.now() - start) / 1000
      measured.examples += rows.flat().length
      if (index === MEASURED_STEPS) break
    }
    const rate = measured.examples / measured.seconds
    const examples = (plan.steps * measured.examples) / index
    const estimate = { seconds: examples / rate, reviews_per_second: rate, memory_bytes: process.memoryUsage.rss() }
    onEvent({ type: 'estimate', plan, estimate })
  } finally {
    await pool.close()
  }
}
