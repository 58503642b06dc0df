import { availableParallelism } from 'node:os'
import { loadBase } from '../../checkpoint/base.ts'
import { stderrLogger } from '../../core/logger.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { MAX_TOKENS } from '../../model/encode.ts'
import { openEngine } from '../../serving/engine.ts'
import type { AdapterDescription } from '../../serving/engine-types.ts'
import { type ClassifyResult, textsPerRequest } from '../schemas/classify.ts'
import type { PrecisionRequest } from '../schemas/precisions.ts'
import { baseFolder } from './bases.ts'
import { choosePrecision, type PrecisionChoice } from './choose-precision.ts'
import { classifyRows } from './classify-rows.ts'
import { measureDrift } from './drift.ts'
import { folderNames } from './folder-names.ts'

export interface ClassifierOptions {
  base?: string
  /** Folders of adapters; each of them classifies every text. */
  checkpoints: readonly string[]
  threads?: number
  device?: DeviceKind
  /** Defaults to `f32`. */
  precision?: PrecisionRequest
  /** Called with the precision that was chosen and the reason. */
  onPrecision?(choice: PrecisionChoice): void
  /** Starts sooner, in a process that has nothing else to do meanwhile. Defaults to false. */
  alone?: boolean
}

interface ClassifyOptions {
  explain?: boolean
  onProgress?: (done: number) => void
}

/** Adapters in memory that classify texts, without a store. */
export interface FolderClassifier {
  /** The adapters, named after their folders. */
  readonly adapters: readonly { adapter: string; digest: string; labels: readonly string[] }[]
  /**
   * Returns the results of each text in the order of the adapters.
   * @param options.explain whether to explain each prediction. Defaults to false
   * @param options.onProgress called with the number of texts classified so far
   */
  classify(texts: readonly string[], options?: ClassifyOptions): Promise<ClassifyResult[][]>
  close(): Promise<void>
}

/**
 * Loads adapters from folders.
 * @throws GraftError if the base or an adapter is not valid; nothing stays open then
 */
export async function openFolderClassifier({
  base = 'embedded',
  checkpoints,
  threads,
  device = 'cpu',
  precision: requested = 'f32',
  onPrecision = () => {},
  alone,
}: ClassifierOptions): Promise<FolderClassifier> {
  await chooseDevice(device, 'f32')
  const folder = await baseFolder(base)
  const choice: PrecisionChoice =
    requested === 'auto'
      ? await choosePrecision(requested, device, async () => measureDrift(await loadBase(folder), threads))
      : { precision: requested, reason: `${requested} was requested.` }
  onPrecision(choice)
  const engine = await openEngine({
    base: folder,
    precision: choice.precision,
    alone,
    threads,
    device,
    folderOf: async (folder) => folder,
    // Nobody else waits.
    maxTokens: MAX_TOKENS,
    queueCharacters: Number.POSITIVE_INFINITY,
  })
  try {
    const descriptions: AdapterDescription[] = []
    for (const folder of checkpoints) descriptions.push(await engine.load(folder))
    return {
      adapters: folderNames(checkpoints).map((adapter, i) => ({
        adapter,
        digest: descriptions[i].digest,
        labels: descriptions[i].labels,
      })),
      async classify(texts, { explain = false, onProgress = () => {} } = {}) {
        const results: ClassifyResult[][] = []
        const textsPerCall = textsPerRequest(checkpoints.length, explain)
        while (results.length < texts.length) {
          const rows = texts.slice(results.length, results.length + textsPerCall).flatMap((text, i) =>
            checkpoints.map((folder) => ({
              subject: `texts[${results.length + i}]`,
              text,
              adapter: folder,
              explained: explain,
            })),
          )
          const answers = await classifyRows({ engine, logger: stderrLogger }, rows)
          for (let at = 0; at < answers.length; at += checkpoints.length)
            results.push(answers.slice(at, at + checkpoints.length))
          onProgress(results.length)
        }
        return results
      },
      close: () => engine.close(),
    }
  } catch (error) {
    await engine.close()
    throw error
  }
}

export interface ClassificationRequest extends ClassifierOptions {
  texts: readonly string[]
  /** Explains each prediction. Defaults to false. */
  explain?: boolean
}

/**
 * Classifies texts with adapters in folders, without a store.
 * @param onProgress called with the number of texts classified so far
 * @returns the adapters, named after their folders, and the results of each text in the order of the adapters
 * @throws GraftError if the base or an adapter is not valid
 */
export async function classifyWithFolders(
  { texts, explain, ...options }: ClassificationRequest,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  // One text is run by one thread. Explanations compute many gradients of it.
  const usable = explain ? undefined : Math.min(availableParallelism(), texts.length * options.checkpoints.length)
  const classifier = await openFolderClassifier({ ...options, threads: options.threads ?? usable, alone: true })
  try {
    const results = await classifier.classify(texts, { explain, onProgress })
    return { adapters: classifier.adapters.map(({ adapter, digest }) => ({ adapter, digest })), results }
  } finally {
    await classifier.close()
  }
}
