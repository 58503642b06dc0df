import { modelOf } from '../model/architectures.ts'
import { type Adapter, loadAdapter, saveAdapter, type TrainedMethod } from './adapter.ts'
import type { Base } from './base.ts'
import { layouts } from './layouts.ts'
import { mergeInto } from './merge.ts'
import { requireSameLogits } from './probe-check.ts'
import { makeProbeSettings, probeAdapter } from './probe-logits.ts'

/** The format of a full model with the adapter in its weights. */
const MERGED = 'merged'

/** The formats in which an adapter can be written. */
export const formats: readonly string[] = [...Object.keys(layouts).filter((name) => name !== 'full'), MERGED]

/**
 * Writes an adapter in another format, completely or not at all. The function stays the same: the logits of the written
 * folder are compared with those of the original.
 * @param format one of {@link formats}
 * @throws GraftError what {@link loadAdapter} and {@link saveAdapter} throw; `checkpoint_config` with the reason if the
 * format cannot express the function
 */
export async function convertAdapter(dir: string, base: Base, format: string, out: string): Promise<Adapter> {
  const original = await loadAdapter(dir, base)
  const settings = makeProbeSettings(modelOf(base), original.manifest?.probe.ids)
  const probeOf = ({ method, values }: TrainedMethod) => probeAdapter(base, method, values, settings, out)
  const { method, values } = format === MERGED ? await mergeInto(base, original) : withoutUnusedHalf(original, format)
  const layout = format === MERGED ? 'full' : format
  const written = await saveAdapter(out, { method, values, layout }, base, {
    ...original.manifest,
    probe_ids: settings.ids,
  })
  requireSameLogits(await probeOf(original), await probeOf(await loadAdapter(out, base)), out)
  return written
}

/** Removes the second half of PEFT's prompt, which PEFT stores but never reads, for libraries that have none. */
function withoutUnusedHalf({ method, values }: TrainedMethod, format: string): TrainedMethod {
  if (format === 'peft' || method.submodules !== 2) return { method, values }
  const halved = [...values].map(([name, data]) => [name, data.slice(0, data.length / 2)] as const)
  return { method: { ...method, submodules: 1 }, values: new Map(halved) }
}
