import { sharedFloats } from '../../core/shared-memory.ts'
import { countOf, laidOut, type NamedShape } from '../../model/t5/tensors.ts'

/** Tensors laid one after the other in one vector of shared memory; the views are the tensors, by name. */
export interface Flat {
  readonly vector: Float32Array
  readonly views: Readonly<Record<string, Float32Array>>
}

export function flat(tensors: readonly NamedShape[], name: (tensor: string) => string = (tensor) => tensor): Flat {
  const vector = sharedFloats(countOf(tensors))
  const views = laidOut(tensors).map(
    (tensor) => [name(tensor.name), vector.subarray(tensor.from, tensor.from + tensor.size)] as const,
  )
  return { vector, views: Object.fromEntries(views) }
}
