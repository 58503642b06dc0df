import { stderrLogger } from '../../core/logger.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openEngine } from '../../serving/engine.ts'
import type { AdapterDescription } from '../../serving/engine-types.ts'
import { type ClassifyResult, MAX_INPUTS } from '../schemas/classify.ts'
import { answerTexts } from './answer-texts.ts'
import { baseFolder } from './bases.ts'
import { folderNames } from './folder-names.ts'

export interface FolderPredictions {
  base?: string
  /** Folders of adapters; each labels every text. */
  checkpoints: readonly string[]
  texts: readonly string[]
  threads?: number
  device?: DeviceKind
}

/**
 * Labels texts with adapters that lie in folders; no store is opened.
 * @param onProgress texts done so far
 * @returns the adapters by the names of their folders, and a list a text, in that order
 * @throws GraftError what is wrong with a base or an adapter
 */
export async function classifyWithFolders(
  { base = 'embedded', checkpoints, texts, threads, device = 'cpu' }: FolderPredictions,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  await chooseDevice(device, 'f32')
  const engine = await openEngine({ base: baseFolder(base), threads, device, folderOf: async (folder) => folder })
  try {
    const described: AdapterDescription[] = []
    for (const folder of checkpoints) described.push(await engine.load(folder))
    const names = folderNames(checkpoints)
    const results: ClassifyResult[][] = []
    const atOnce = Math.max(1, Math.floor(MAX_INPUTS / checkpoints.length))
    while (results.length < texts.length) {
      const asked = texts
        .slice(results.length, results.length + atOnce)
        .flatMap((text, i) =>
          checkpoints.map((key) => ({ subject: `texts[${results.length + i}]`, text, adapter: key })),
        )
      const answers = await answerTexts({ engine, logger: stderrLogger }, asked)
      for (let at = 0; at < answers.length; at += checkpoints.length)
        results.push(answers.slice(at, at + checkpoints.length))
      onProgress(results.length)
    }
    return { adapters: names.map((adapter, i) => ({ adapter, digest: described[i].digest })), results }
  } finally {
    await engine.close()
  }
}
