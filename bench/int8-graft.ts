/**
 * Graft as a contestant of the int8 benchmark. It follows the protocol of bench/peers/int8_serve.py, with the programs
 * and the pool of `graft serve`, on random weights.
 */
import { createInterface } from 'node:readline'
import { peakMegabytes } from './process-memory.ts'
import { openRandomClassifier } from './random-classifier.ts'

const reply = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)

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
