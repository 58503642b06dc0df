/**
 * Graft as a contestant of the training benchmark. It follows the protocol of bench/peers/train_step.py. It uses the
 * product's own training step (training/step/open-stepper.ts), on random weights.
 */
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { countTrainable } from '../model/parameter-count.ts'
import { peakMegabytes } from './process-memory.ts'
import { type ModelJob, openRandomModel } from './random-model.ts'

type Job = ModelJob & { threads?: number; device?: DeviceKind }

const reply = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)

async function openStep({ threads = availableParallelism(), device = 'cpu', ...job }: Job) {
  const pool = openRuntime(device, threads)
  const { model, method, stepper, batches } = await openRandomModel(job, pool)
  let step = 0
  const { trainable, total } = countTrainable(method, model)
  return {
    ready: { ready: true, trainable, total, threads },
    async round(microBatches: readonly number[][]) {
      const microBatchFeeds = batches(microBatches)
      const started = performance.now()
      await stepper.step(microBatchFeeds, ++step, 1e-3)
      // Reading the loss also waits for the device.
      const [loss] = await stepper.readLosses()
      const seconds = (performance.now() - started) / 1000
      return { seconds, reviews: microBatches.flat().length, loss, peak_rss_mb: peakMegabytes() }
    },
    close: () => pool.close(),
  }
}

let job: Awaited<ReturnType<typeof openStep>> | undefined
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line)
  if (message.quit) break
  if (job) reply(await job.round(message.round))
  else {
    job = await openStep(message)
    reply(job.ready)
  }
}
await job?.close()
