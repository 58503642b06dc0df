import { type MethodConfig, methodNamed } from './methods/registry.ts'
import type { T5Config } from './t5/config.ts'
import { baseTensors, countOf, type NamedShape } from './t5/tensors.ts'

export interface Ledger {
  /** Parameters that training changes. */
  trainable: number
  /** Parameters beyond the base's own. */
  added: number
  total: number
  /** 100 · trainable / total. */
  percent: number
  tensors: readonly NamedShape[]
}

/** Counts what a method trains on a base, from shapes alone. */
export function ledger(method: MethodConfig, t5: T5Config): Ledger {
  const base = baseTensors(t5)
  const own = new Set(base.map(({ name }) => name))
  const tensors = methodNamed(method.method).parameters(method, t5)
  const trainable = countOf(tensors)
  const added = countOf(tensors.filter(({ name }) => !own.has(name)))
  const total = countOf(base) + added
  return { trainable, added, total, percent: (100 * trainable) / total, tensors }
}
