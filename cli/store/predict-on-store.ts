import { type ClassifyResult, MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { rejectFolderFlags } from './reject-folder-flags.ts'
import { withApi } from './with-api.ts'

interface PredictRequest {
  /** Names of adapters. Each classifies every text. */
  names: readonly string[]
  texts: readonly string[]
  threads?: number
  base?: string
  device?: string
}

/**
 * Classifies texts with adapters of the store.
 * @param onProgress called with the number of classified texts
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint
 */
export async function predictOnStore(
  { names, texts, threads, base, device }: PredictRequest,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  rejectFolderFlags({ base, device })
  return withApi(
    async (api) => {
      const results: ClassifyResult[][] = []
      let digests: string[] = []
      const batchSize = Math.max(1, Math.floor(MAX_INPUTS / names.length))
      while (results.length < texts.length) {
        const inputs = texts.slice(results.length, results.length + batchSize)
        const answer = await api.predict({ inputs, adapters: [...names] })
        results.push(...answer.results)
        digests = answer.adapters.map(({ digest }) => digest)
        onProgress(results.length)
      }
      return { adapters: names.map((adapter, i) => ({ adapter, digest: digests[i] })), results }
    },
    { threads },
  )
}
