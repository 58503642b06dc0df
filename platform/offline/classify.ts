import { stderrLogger } from '../../core/logger.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openEngine } from '../../serving/engine.ts'
import type { AdapterDescription } from '../../serving/engine-types.ts'
import { type ClassifyResult, MAX_INPUTS } from '../schemas/classify.ts'
import { baseFolder } from './bases.ts'
import { classifyRows } from './classify-rows.ts'
import { folderNames } from './folder-names.ts'

export interface ClassificationRequest {
  base?: string
  /** Folders of adapters; each of them classifies every text. */
  checkpoints: readonly string[]
  texts: readonly string[]
  threads?: number
  device?: DeviceKind
}

/**
 * Classifies texts with adapters in folders, without a store.
 * @param onProgress called with the number of texts classified so far
 * @returns the adapters, named after their folders, and the results of each text in the order of the adapters
 * @throws GraftError if the base or an adapter is not valid
 */
export async function classifyWithFolders(
  { base = 'embedded', checkpoints, texts, threads, device = 'cpu' }: ClassificationRequest,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  await chooseDevice(device, 'f32')
  const engine = await openEngine({ base: baseFolder(base), threads, device, folderOf: async (folder) => folder })
  try {
    const descriptions: AdapterDescription[] = []
    for (const folder of checkpoints) descriptions.push(await engine.load(folder))
    const names = folderNames(checkpoints)
    const results: ClassifyResult[][] = []
    const textsPerCall = Math.max(1, Math.floor(MAX_INPUTS / checkpoints.length))
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
    return { adapters: names.map((adapter, i) => ({ adapter, digest: descriptions[i].digest })), results }
  } finally {
    await engine.close()
  }
}
