import { fail } from '../../core/errors.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { compare } from '../../training/comparison/compare.ts'
import type { AdapterPredictions, Comparison } from '../../training/comparison/comparison.ts'
import { readExamples } from '../../training/data/examples.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { FileReading } from '../../training/data/scan-examples.ts'
import { openClassifier } from './open-classifier.ts'

export interface ComparisonRequest {
  /** Two or more adapters with different names, each with the folder of its base and its own folder. */
  adapters: readonly { name: string; base: string; checkpoint: string }[]
  data: string
  /** How the data are read. Defaults to the usual columns. */
  reading?: Reading
  /** Called with how the data were read. */
  onRead?(reading: FileReading): void
  threads?: number
  device?: DeviceKind
}

/**
 * Classifies the same labeled reviews with each adapter, one adapter after the other, and compares the answers.
 * @param onProgress called with the number of answers so far and their total number
 * @throws GraftError `data_label` if the adapters share no label, or a review has a label that one of them does not
 *   know; also if a folder or the data are not valid
 */
export async function compareCheckpoints(
  { adapters, data, reading, onRead, threads, device = 'cpu' }: ComparisonRequest,
  onProgress: (done: number, total: number) => void,
): Promise<Comparison> {
  const labelSets: (readonly string[])[] = []
  for (const { base, checkpoint } of adapters) labelSets.push((await openClassifier(base, checkpoint)).labels)
  const labels = labelSets[0].filter((label) => labelSets.every((others) => others.includes(label)))
  if (labels.length === 0)
    throwNoSharedLabels(
      adapters.map(({ name }) => name),
      labelSets,
    )
  const { examples, ...read } = await readExamples(data, { ...reading, labels })
  onRead?.(read)
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const compared: AdapterPredictions[] = []
    let lengths: readonly number[] = []
    for (const [i, { name, base, checkpoint }] of adapters.entries()) {
      // Opened again here, so that only one model is in memory at a time.
      const classifier = await openClassifier(base, checkpoint)
      const onPredictions = (done: number) => onProgress(i * examples.length + done, adapters.length * examples.length)
      const classified = await classifier.classify(examples, pool, onPredictions)
      compared.push({ name, labels: classifier.labels, predictions: classified.predictions })
      if (i === 0) lengths = classified.lengths
    }
    return compare(
      examples.map((example, row) => ({ ...example, tokens: lengths[row] })),
      compared,
    )
  } finally {
    await pool.close()
  }
}

function throwNoSharedLabels(names: readonly string[], labelSets: readonly (readonly string[])[]): never {
  return fail('data_label', {
    subject: names.join(', '),
    expected: 'adapters that share labels',
    found: labelSets.map((labels) => labels.join(', ')).join('; '),
    fix: 'Compare adapters that were trained for the same labels.',
  })
}
