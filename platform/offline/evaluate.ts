import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { readReviews } from '../../training/data/examples.ts'
import { type Metrics, metrics } from '../../training/metrics.ts'
import { openAnswerer } from './answer-reviews.ts'

export type { Metrics } from '../../training/metrics.ts'

export interface EvaluationRequest {
  base: string
  checkpoint: string
  data: string
  threads?: number
  device?: DeviceKind
}

/**
 * Measures a checkpoint on reviews with labels.
 * @param onProgress reviews done so far, of how many
 */
export async function evaluateCheckpoint(
  { base, checkpoint, data, threads, device = 'cpu' }: EvaluationRequest,
  onProgress: (done: number, of: number) => void,
): Promise<Metrics> {
  const { labels, answer } = await openAnswerer(base, checkpoint)
  const { reviews } = await readReviews(data, { labels })
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const { answers } = await answer(reviews, pool, (done) => onProgress(done, reviews.length))
    return metrics(answers, labels)
  } finally {
    await pool.close()
  }
}
