import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unpackFolder } from '../../platform/artifacts/unpack-folder.ts'
import { withApi } from './with-api.ts'

/**
 * Does work on copies of the folders of adapters in the store. The copies are removed afterwards.
 * @param names ids or names of adapters
 * @throws GraftError `adapter_unknown`
 */
export async function withAdapterFolders<T>(
  names: readonly string[],
  work: (adapters: { name: string; checkpoint: string }[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-adapters-'))
  try {
    const adapters = await withApi(async (api) => {
      const copied: { name: string; checkpoint: string }[] = []
      for (const idOrName of names) {
        const { name, id } = await api.adapters.get(idOrName)
        const checkpoint = join(folder, id)
        const { body } = await api.adapters.download(id)
        await unpackFolder(body as AsyncIterable<Uint8Array>, checkpoint, { reserve: 0 })
        copied.push({ name, checkpoint })
      }
      return copied
    })
    return await work(adapters)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
