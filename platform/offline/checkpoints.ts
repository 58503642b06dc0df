import type { Adapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { convertAdapter, formats } from '../../checkpoint/convert.ts'
import { type Inspection, inspectFolder } from '../../checkpoint/inspect.ts'
import { baseFolder } from './bases.ts'

/** The formats in which an adapter can be written. */
export const exportFormats = formats

/**
 * Writes the folder of an adapter in another format.
 * @param base as for {@link baseFolder}
 * @throws GraftError
 */
export async function exportFolder(dir: string, format: string, out: string, base?: string): Promise<Adapter> {
  return convertAdapter(dir, await loadBase(await baseFolder(base)), format, out)
}

/**
 * Describes the folder of an adapter of any library.
 * @param base as for {@link baseFolder}
 * @throws GraftError
 */
export async function inspect(dir: string, base?: string): Promise<Inspection & { base: string }> {
  const loaded = await loadBase(await baseFolder(base))
  return { base: loaded.name, ...(await inspectFolder(dir, loaded)) }
}
