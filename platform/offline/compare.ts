import { fail } from '../../core/errors.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { compare } from '../../training/comparison/compare.ts'
import type { AdapterPredictions, AdapterResult, Comparison } from '../../training/comparison/comparison.ts'
import type { Example } from '../../training/data/check-row.ts'
import { readExamples } from '../../training/data/examples.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { FileReading } from '../../training/data/scan-examples.ts'
import type { Pipeline } from '../../training/pipeline/pipeline.ts'
import { openClassifier } from './open-classifier.ts'
import { classifyWithPipeline } from './pipeline.ts'

export interface ComparisonRequest {
  /** Adapters with different names, each with the folder of its base and its own folder. */
  adapters: readonly { name: string; base: string; checkpoint: string }[]
  /** Text classifiers of transformers.js to compare them with, with other names. Defaults to none. */
  pipelines?: readonly (Pipeline & { name: string })[]
  /** The most bytes to download for each pipeline. Defaults to no limit. */
  pipelineBytes?: number
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
  { adapters, pipelines = [], pipelineBytes, data, reading, onRead, threads, device = 'cpu' }: ComparisonRequest,
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
  const total = (adapters.length + pipelines.length) * examples.length
  // They run first, so that one that cannot run is reported before the adapters have computed for minutes.
  const others: AdapterPredictions[] = []
  const revisions = new Map<string, string>()
  for (const [i, { name, ...pipeline }] of pipelines.entries()) {
    const { probabilities, revision } = await classifyWithPipeline(
      { ...pipeline, texts: examples.map(({ text }) => text), targets: labels, threads, maxBytes: pipelineBytes },
      (done) => onProgress(i * examples.length + done, total),
    )
    if (revision !== undefined) revisions.set(name, revision)
    others.push({ name, labels, predictions: probabilities.map((row, i) => toPrediction(row, examples[i], labels)) })
  }
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const compared: AdapterPredictions[] = []
    let lengths: readonly number[] = []
    for (const [i, { name, base, checkpoint }] of adapters.entries()) {
      // Opened again here, so that only one model is in memory at a time.
      const classifier = await openClassifier(base, checkpoint)
      const onPredictions = (done: number) => onProgress((pipelines.length + i) * examples.length + done, total)
      const classified = await classifier.classify(examples, pool, onPredictions)
      const { labels, trainable } = classifier
      compared.push({ name, labels, trainable, predictions: classified.predictions })
      if (i === 0) lengths = classified.lengths
    }
    const comparison = compare(
      examples.map((example, row) => ({ ...example, tokens: lengths[row] })),
      [...compared, ...others],
    )
    const withRevision = (result: AdapterResult): AdapterResult => {
      const revision = revisions.get(result.name)
      return revision === undefined ? result : { ...result, revision }
    }
    return { ...comparison, adapters: comparison.adapters.map(withRevision) }
  } finally {
    await pool.close()
  }
}

/** Returns a prediction of a pipeline. A comparison takes the numbers of tokens from an adapter. */
const toPrediction = (
  probabilities: readonly number[],
  { label }: Example,
  labels: readonly string[],
): AdapterPredictions['predictions'][number] => ({
  label: labels.indexOf(label),
  probabilities,
  tokens: 0,
  truncated: false,
})

function throwNoSharedLabels(names: readonly string[], labelSets: readonly (readonly string[])[]): never {
  return fail('data_label', {
    subject: names.join(', '),
    expected: 'adapters that share labels',
    found: labelSets.map((labels) => labels.join(', ')).join('; '),
    fix: 'Compare adapters that were trained for the same labels.',
  })
}
