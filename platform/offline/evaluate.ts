import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { readExamples } from '../../training/data/examples.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { FileReading } from '../../training/data/scan-examples.ts'
import { computeMetrics, type Metrics } from '../../training/metrics.ts'
import { openClassifier } from './open-classifier.ts'

export interface EvaluationRequest {
  base: string
  checkpoint: string
  data: string
  /** How the data are read. Defaults to the usual columns. */
  reading?: Reading
  /** Called with how the data were read. */
  onRead?(reading: FileReading): void
  threads?: number
  device?: DeviceKind
}

/**
 * Evaluates a checkpoint on labeled reviews.
 * @param onProgress called with the number of reviews classified so far and their total number
 */
export async function evaluateCheckpoint(
  { base, checkpoint, data, reading, onRead, threads, device = 'cpu' }: EvaluationRequest,
  onProgress: (done: number, total: number) => void,
): Promise<Metrics> {
  const { labels, classify } = await openClassifier(base, checkpoint)
  const { examples, ...read } = await readExamples(data, { ...reading, labels })
  onRead?.(read)
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const { predictions } = await classify(examples, pool, (done) => onProgress(done, examples.length))
    return computeMetrics(predictions, labels)
  } finally {
    await pool.close()
  }
}
