import { loadAdapter } from '../../checkpoint/adapter.ts'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import { convertAdapter, formats } from '../../checkpoint/convert.ts'
import { type Inspection, inspectFolder } from '../../checkpoint/inspect.ts'
import { exportOnnx } from '../../checkpoint/onnx/export.ts'
import { modelOf } from '../../model/architectures.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { settingsOf } from '../../serving/adapter-settings.ts'
import { tokenizerOf } from '../../training/data/prepare.ts'
import { baseFolder } from './bases.ts'

/** The format of transformers.js. */
const ONNX = 'onnx'

/** The formats in which an adapter can be written. */
export const exportFormats = [...formats, ONNX]

/** A folder that was written. */
export interface ExportedFolder {
  method: MethodConfig
  layout: string
  /** SHA-256 of the weights file. Not set for the format onnx, which has several. */
  digest?: string
  /** Only for the format onnx. */
  onnx?: { merged: boolean; largest_change: number }
}

/**
 * Writes the folder of an adapter in another format.
 * @param base as for {@link baseFolder}
 * @throws GraftError
 */
export async function exportFolder(dir: string, format: string, out: string, base?: string): Promise<ExportedFolder> {
  const loaded = await loadBase(await baseFolder(base))
  if (format === ONNX) return exportToOnnx(dir, loaded, out)
  const { method, layout, digest } = await convertAdapter(dir, loaded, format, out)
  return { method, layout, digest }
}

async function exportToOnnx(dir: string, base: Base, out: string): Promise<ExportedFolder> {
  const adapter = await loadAdapter(dir, base)
  const { words, truncation, temperature } = settingsOf(adapter, base, dir)
  const labels = modelOf(base).labelTokens(words, tokenizerOf(base))
  const { merged, largestChange } = await exportOnnx(adapter, base, { labels, truncation, temperature }, out)
  return { method: adapter.method, layout: ONNX, onnx: { merged, largest_change: largestChange } }
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
