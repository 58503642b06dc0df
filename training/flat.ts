import { sharedFloats } from '../core/shared-memory.ts'
import { countOf, type NamedShape, sizeOfShape } from '../model/tensors.ts'

/** Tensors laid one after the other in one vector of shared memory; the views are the tensors, by name. */
export interface Flat {
  readonly vector: Float32Array
  readonly views: Readonly<Record<string, Float32Array>>
}

export function flat(tensors: readonly NamedShape[], name: (tensor: string) => string = (tensor) => tensor): Flat {
  const vector = sharedFloats(countOf(tensors))
  let at = 0
  const views = tensors.map((tensor) => {
    const from = at
    at += sizeOfShape(tensor.shape)
    return [name(tensor.name), vector.subarray(from, at)] as const
  })
  return { vector, views: Object.fromEntries(views) }
}
