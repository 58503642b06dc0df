// The library for programs in Node. docs/library.md shows it at work.
import type { ErrorCode } from '../core/catalogue.ts'
import { type ErrorDetail, fail, GraftError } from '../core/errors.ts'
import { baseFolder, readyAdapter } from '../platform/offline/bases.ts'
import { openFolderClassifier } from '../platform/offline/classify.ts'
import { compareCheckpoints } from '../platform/offline/compare.ts'
import { folderNames } from '../platform/offline/folder-names.ts'
import { locatePipeline, namePipelines } from '../platform/offline/pipeline.ts'
import { readTrainingSpec, train as runTraining } from '../platform/offline/train.ts'
import { resumeSpec } from '../training/state/resume-spec.ts'
import type {
  Classifier,
  ClassifierOptions,
  CompareOptions,
  CompareResult,
  TrainEvent,
  TrainOptions,
  TrainResult,
} from './types.ts'

export type * from './types.ts'

/**
 * Trains an adapter, or a full model, in a child process, and writes it to a folder.
 * @throws GraftError if a setting or a file is wrong; `interrupted` once `signal` is aborted and the state is saved
 *
 * @example
 * const { checkpoint, accuracy } = await train({ data: 'train.jsonl', test: 'test.jsonl', out: 'film-lora' })
 */
export async function train({ resume = false, signal, onEvent, ...settings }: TrainOptions): Promise<TrainResult> {
  const spec = resume ? resumeSpec(settings) : await readTrainingSpec(settings)
  const listen = (event: object) => onEvent?.(event as TrainEvent)
  return runTraining(spec, listen, signal ?? new AbortController().signal, resume)
}

/**
 * Loads an adapter, to classify texts in this process.
 * @throws GraftError if the base or the adapter is not valid
 *
 * @example
 * const classifier = await loadClassifier({ adapter: 'film-lora' })
 * const [{ label, score }] = await classifier.classify(['A joy from start to finish.'])
 * await classifier.close()
 */
export async function loadClassifier({
  adapter = readyAdapter,
  ...options
}: ClassifierOptions = {}): Promise<Classifier> {
  const classifier = await openFolderClassifier({ checkpoints: [adapter], ...options })
  return {
    labels: classifier.adapters[0].labels,
    async classify(texts, options) {
      const results = await classifier.classify(texts, options)
      return results.map(([result]) => {
        if ('error' in result) throw new GraftError(result.error.code as ErrorCode, result.error as ErrorDetail)
        return result
      })
    },
    close: () => classifier.close(),
  }
}

/**
 * Finds out which of several adapters and pipelines is better, and whether the reviews can tell.
 * @throws GraftError `data_label` if the adapters share no label; also if a folder or the data are not valid
 *
 * @example
 * const { verdict } = await compareAdapters({ adapters: ['film-lora', 'film-prompt'], data: 'test.jsonl' })
 */
export async function compareAdapters({
  adapters,
  pipelines = [],
  data,
  base,
  text_column,
  label_column,
  onProgress = () => {},
  ...options
}: CompareOptions): Promise<CompareResult> {
  if (adapters.length === 0 || adapters.length + pipelines.length < 2)
    fail('usage', {
      subject: 'adapters',
      expected: 'two or more folders, or one and a pipeline',
      found: String(adapters.length),
      fix: 'Name the folder of each adapter.',
    })
  const names = folderNames(adapters)
  const folder = await baseFolder(base)
  const compared = adapters.map((checkpoint, i) => ({ name: names[i], base: folder, checkpoint }))
  const located = pipelines.map((pipeline) => ({ ...pipeline, ...locatePipeline(pipeline.model) }))
  return compareCheckpoints(
    {
      adapters: compared,
      pipelines: namePipelines(located, names),
      data,
      reading: { text_column, label_column },
      ...options,
    },
    onProgress,
  )
}
