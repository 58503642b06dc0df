import { allocateSharedFloats } from '../../core/shared-memory.ts'
import { type NamedShape, packTensors, totalSize } from '../../model/tensor-shapes.ts'

/** Tensors stored one after the other in a single vector of shared memory. */
export interface PackedTensors {
  readonly vector: Float32Array
  /** The tensors, by name. They share the memory of the vector. */
  readonly views: Readonly<Record<string, Float32Array>>
}

/**
 * Allocates tensors in a single vector.
 * @param name returns the name of the view of a tensor. Defaults to the name of the tensor.
 */
export function allocatePacked(
  tensors: readonly NamedShape[],
  name: (tensor: string) => string = (tensor) => tensor,
): PackedTensors {
  const vector = allocateSharedFloats(totalSize(tensors))
  const views = packTensors(tensors).map(
    (tensor) => [name(tensor.name), vector.subarray(tensor.from, tensor.from + tensor.size)] as const,
  )
  return { vector, views: Object.fromEntries(views) }
}
