import type { AdaptersAnswer } from '../../client/client.ts'
import { type ClassifyResult, splitAdapters, textsPerRequest } from '../../platform/schemas/classify.ts'
import { rejectFolderFlags } from './reject-folder-flags.ts'
import { withApi } from './with-api.ts'

interface PredictRequest {
  /** Names of adapters. Each classifies every text. */
  names: readonly string[]
  texts: readonly string[]
  /** Explains each prediction. Defaults to false. */
  explain?: boolean
  threads?: number
  base?: string
  device?: string
  precision?: string
}

/**
 * Classifies texts with adapters of the store.
 * @param onProgress called with the number of classified texts
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint
 */
export async function predictOnStore(
  { names, texts, explain, threads, base, device, precision }: PredictRequest,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  rejectFolderFlags({ base, device, precision })
  return withApi(
    async (api) => {
      const groups = splitAdapters(names, explain)
      const batchSize = textsPerRequest(groups[0].length, explain)
      const results: ClassifyResult[][] = []
      let adapters: { adapter: string; digest: string }[] = []
      while (results.length < texts.length) {
        const inputs = texts.slice(results.length, results.length + batchSize)
        const answers: AdaptersAnswer[] = []
        for (const group of groups) answers.push(await api.predict({ inputs, adapters: group, explain }))
        results.push(...inputs.map((_, i) => answers.flatMap((answer) => answer.results[i])))
        const digests = answers.flatMap((answer) => answer.adapters.map(({ digest }) => digest))
        adapters = names.map((adapter, i) => ({ adapter, digest: digests[i] }))
        onProgress(results.length)
      }
      return { adapters, results }
    },
    { threads },
  )
}
