/**
 * Graft as a contestant of the int8 benchmark. It follows the protocol of bench/peers/int8_serve.py, with the programs
 * and the pool of `graft serve`, on random weights.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openRandomClassifier } from './random-classifier.ts'

const reply = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
/** Returns the peak resident memory of this process, counted by the kernel as for the peers. */
const peakMegabytes = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024

let job: Awaited<ReturnType<typeof openRandomClassifier>> | undefined
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line)
  if (message.quit) break
  if (job) {
    const batches: readonly (readonly number[])[] = message.round
    const seconds = await job.classify(batches)
    reply({ seconds, reviews: batches.flat().length, loss: 0, peak_rss_mb: peakMegabytes() })
  } else {
    job = await openRandomClassifier(message)
    reply({ ready: true })
  }
}
await job?.close()
