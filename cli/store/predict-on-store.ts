import { type ClassifyAnswer, type ClassifyResult, MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { postJson } from './api.ts'
import { nothingBesideAdapter } from './beside-adapter.ts'
import { withApi } from './with-api.ts'

type ByEach = Extract<ClassifyAnswer, { adapters: unknown }>

interface Predictions {
  /** Of adapters; each labels every text. */
  names: readonly string[]
  texts: readonly string[]
  threads?: number
  base?: string
  device?: string
}

/**
 * Labels texts with adapters of the store.
 * @param onProgress texts done so far
 * @throws GraftError `adapter_unknown`; `usage` for what only folders take
 */
export async function predictOnStore(
  { names, texts, threads, base, device }: Predictions,
  onProgress: (done: number) => void,
): Promise<{ adapters: { adapter: string; digest: string }[]; results: ClassifyResult[][] }> {
  nothingBesideAdapter({ base, device })
  return withApi(
    async (api) => {
      const results: ClassifyResult[][] = []
      let digests: string[] = []
      const atOnce = Math.max(1, Math.floor(MAX_INPUTS / names.length))
      while (results.length < texts.length) {
        const inputs = texts.slice(results.length, results.length + atOnce)
        const answer = await postJson<ByEach>(api, '/v1/predictions', { inputs, adapters: names })
        results.push(...answer.results)
        digests = answer.adapters.map(({ digest }) => digest)
        onProgress(results.length)
      }
      return { adapters: names.map((adapter, i) => ({ adapter, digest: digests[i] })), results }
    },
    { threads },
  )
}
