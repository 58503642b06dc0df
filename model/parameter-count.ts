import type { Model } from './architecture.ts'
import { type MethodConfig, parametersOf } from './methods/registry.ts'
import { type NamedShape, totalSize } from './tensor-shapes.ts'

/** How many parameters a model has with a method applied, and how many of them train. */
export interface ParameterCount {
  /** Parameters that training changes. */
  trainable: number
  /** Parameters in addition to the base's own. */
  added: number
  total: number
  /** 100 · trainable / total. */
  percent: number
  /** The trained tensors. */
  tensors: readonly NamedShape[]
}

/**
 * Counts what a method trains on a model. Needs only shapes, no values.
 *
 * @example
 * countTrainable({ method: 'lora', rank: 8, … }, modelOf({ config: T5_SMALL })).trainable // 294912
 */
export function countTrainable(method: MethodConfig, model: Model): ParameterCount {
  const base = new Set(model.tensors.map(({ name }) => name))
  const tensors = parametersOf(method, model)
  const trainable = totalSize(tensors)
  const added = totalSize(tensors.filter(({ name }) => !base.has(name)))
  const total = totalSize(model.tensors) + added
  return { trainable, added, total, percent: (100 * trainable) / total, tensors }
}
