import { stderrLogger } from '../../core/logger.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { MAX_TOKENS } from '../../model/encode.ts'
import { openEngine } from '../../serving/engine.ts'
import type { AdapterDescription } from '../../serving/engine-types.ts'
import { type ClassifyResult, MAX_INPUTS } from '../schemas/classify.ts'
import { baseFolder } from './bases.ts'
import { classifyRows } from './classify-rows.ts'
import { folderNames } from './folder-names.ts'

export interface ClassifierOptions {
  base?: string
  /** Folders of adapters; each of them classifies every text. */
  checkpoints: readonly string[]
  threads?: number
  device?: DeviceKind
}

/** Adapters in memory that classify texts, without a store. */
export interface FolderClassifier {
  /** The adapters, named after their folders. */
  readonly adapters: readonly { adapter: string; digest: string; labels: readonly string[] }[]
  /**
   * Returns the results of each text in the order of the adapters.
   * @param onProgress called with the number of texts classified so far
   */
  classify(texts: readonly string[], onProgress?: (done: number) => void): Promise<ClassifyResult[][]>
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
}: ClassifierOptions): Promise<FolderClassifier> {
  await chooseDevice(device, 'f32')
  const engine = await openEngine({
    base: await baseFolder(base),
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
    const textsPerCall = Math.max(1, Math.floor(MAX_INPUTS / checkpoints.length))
    return {
      adapters: folderNames(checkpoints).map((adapter, i) => ({
        adapter,
        digest: descriptions[i].digest,
        labels: descriptions[i].labels,
      })),
      async classify(texts, onProgress = () => {}) {
        const results: ClassifyResult[][] = []
        while (results.length < texts.length) {
          const rows = texts
            .slice(results.length, results.length + textsPerCall)
            .flatMap((text, i) =>
              checkpoints.map((folder) => ({ subject: `texts[${results.length + i}]`, text, adapter: folder })),
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
}

/**
 * Classifies texts with adapters in folders, without a store.
 * @param onProgress called with the number of texts classified so far
 * @returns the adapters, named after their folders, and the results of each text in the order of the adapters
 * @throws GraftError if the base or an adapter is not valid
 */
export async function classifyWithFolders(
  { texts, ...options }: ClassificationRequest,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  const classifier = await openFolderClassifier(options)
  try {
    const results = await classifier.classify(texts, onProgress)
    return { adapters: classifier.adapters.map(({ adapter, digest }) => ({ adapter, digest })), results }
  } finally {
    await classifier.close()
  }
}
