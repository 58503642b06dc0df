/**
 * Graft's side of the training benchmarks: the protocol of bench/peers/train_step.py, so that one driver speaks to both. The step is the
 * product's own (training/step/open-stepper.ts) on random weights.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { ledger } from '../model/parameter-count.ts'
import { type ModelJob, openRandomModel } from './random-model.ts'

type Job = ModelJob & { threads?: number; device?: DeviceKind }

const answer = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
/** This program's peak resident memory, as the kernel counts it for the peers. */
const peakMegabytes = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024

async function openStep({ threads = availableParallelism(), device = 'cpu', ...job }: Job) {
  const pool = openRuntime(device, threads)
  const { t5, method, stepper, batches } = await openRandomModel(job, pool)
  let step = 0
  const { trainable, total } = ledger(method, t5)
  return {
    ready: { ready: true, trainable, total, threads },
    async round(microBatches: readonly number[][]) {
      const fed = batches(microBatches)
      const begun = performance.now()
      await stepper.step(fed, ++step, 1e-3)
      // Waits for a device, too.
      const [loss] = await stepper.losses()
      const seconds = (performance.now() - begun) / 1000
      return { seconds, reviews: microBatches.flat().length, loss, peak_rss_mb: peakMegabytes() }
    },
    close: () => pool.close(),
  }
}

let work: Awaited<ReturnType<typeof openStep>> | undefined
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line)
  if (message.quit) break
  if (work) answer(await work.round(message.round))
  else {
    work = await openStep(message)
    answer(work.ready)
  }
}
await work?.close()
