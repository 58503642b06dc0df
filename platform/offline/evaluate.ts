import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import type { ServingPrecision } from '../../model/quantized-weights.ts'
import { requireDeviceFor } from '../../serving/precision.ts'
import { readExamples } from '../../training/data/examples.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { FileReading } from '../../training/data/scan-examples.ts'
import { computeMetrics, type Metrics, type Prediction } from '../../training/metrics.ts'
import type { Drift } from '../schemas/precisions.ts'
import { compareProbabilities } from './drift.ts'
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
  /** Defaults to `f32`. */
  precision?: ServingPrecision
}

/** The changes by int8 for an adapter. */
export interface MeasuredDrift extends Drift {
  /** The accuracy in f32. */
  accuracy: number
}

/**
 * Evaluates a checkpoint on labeled reviews. In int8, the result also says what changes against f32.
 * @param onProgress called with the number of reviews classified so far and their total number
 */
export async function evaluateCheckpoint(
  { base, checkpoint, data, reading, onRead, threads, device = 'cpu', precision = 'f32' }: EvaluationRequest,
  onProgress: (done: number, total: number) => void,
): Promise<Metrics & { drift?: MeasuredDrift }> {
  requireDeviceFor(precision, device)
  const { labels, classify } = await openClassifier(base, checkpoint)
  const { examples, ...read } = await readExamples(data, { ...reading, labels })
  onRead?.(read)
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const total = (precision === 'int8' ? 2 : 1) * examples.length
    const { predictions } = await classify(examples, pool, (done) => onProgress(done, total))
    const metrics = computeMetrics(predictions, labels)
    if (precision === 'f32') return metrics
    const int8 = await openClassifier(base, checkpoint, 'int8')
    const rounded = await int8.classify(examples, pool, (done) => onProgress(examples.length + done, total))
    const probabilitiesOf = (list: readonly Prediction[]) => list.map(({ probabilities }) => probabilities)
    const drift = compareProbabilities(probabilitiesOf(predictions), probabilitiesOf(rounded.predictions))
    return { ...computeMetrics(rounded.predictions, labels), drift: { ...drift, accuracy: metrics.accuracy } }
  } finally {
    await pool.close()
  }
}
