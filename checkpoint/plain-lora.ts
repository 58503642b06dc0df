import type { MethodConfig } from '../model/methods/registry.ts'
import { throwNotSavable } from './config-rules.ts'

/**
 * Returns LoRA that computes the same with the scale alpha / rank, for libraries that have no other.
 * @param layout the name of the layout in errors
 * @throws GraftError `checkpoint_config` for DoRA, and for ranks or alphas of some Linears
 */
export function toPlainLora(method: MethodConfig, layout: string): MethodConfig {
  if (method.dora) throwNotSavable(`${layout} layout, dora`, 'false', true)
  for (const field of ['ranks', 'alphas'])
    if (method[field]) throwNotSavable(`${layout} layout, ${field}`, `the same for all Linears`, method[field])
  if (!method.rslora) return method
  return { ...method, rslora: false, alpha: (method.alpha as number) * Math.sqrt(method.rank as number) }
}
