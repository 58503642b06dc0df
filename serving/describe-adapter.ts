import type { Base } from '../checkpoint/base.ts'
import type { AdapterDescription } from './engine-types.ts'
import { openLoader } from './loader.ts'

/**
 * What a folder is, checked on the base as for serving, on a thread of its own.
 * @throws GraftError what is wrong with it
 */
export async function describeAdapter(dir: string, base: Base): Promise<AdapterDescription> {
  const loader = openLoader({ base })
  try {
    return await loader.read(dir, async ({ description }) => description)
  } finally {
    await loader.close()
  }
}
