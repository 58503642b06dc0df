import { makeRandom } from '../../core/random.ts'
import { allocateSharedFloats } from '../../core/shared-memory.ts'
import type { Parameter } from '../../model/method.ts'
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

/**
 * Allocates parameters with their initial values. The same seed gives the same values.
 * @param base the tensors that parameters may start from
 */
export function allocateInitial(
  parameters: readonly Parameter[],
  base: ReadonlyMap<string, Float32Array>,
  seed: number,
): PackedTensors {
  const packed = allocatePacked(parameters)
  const draw = makeRandom(seed, 'initial values')
  for (const { name, initial } of parameters)
    packed.views[name].set(initial(draw, (tensor) => base.get(tensor) as Float32Array))
  return packed
}

/** Allocates parameters with the values of an adapter. */
export function allocateValues(
  parameters: readonly Parameter[],
  values: ReadonlyMap<string, Float32Array>,
): PackedTensors {
  const packed = allocatePacked(parameters)
  for (const { name } of parameters) packed.views[name].set(values.get(name) as Float32Array)
  return packed
}

/**
 * Returns the parts of a vector of packed tensors that belong to some of them, in order. Neighbours are one part.
 * @param isWanted chooses the tensors
 */
export function partsOf(
  vector: Float32Array,
  tensors: readonly NamedShape[],
  isWanted: (tensor: NamedShape) => boolean,
): Float32Array[] {
  const spans: { from: number; to: number }[] = []
  for (const { from, size, ...tensor } of packTensors(tensors)) {
    if (!isWanted(tensor)) continue
    const last = spans.at(-1)
    if (last?.to === from) last.to += size
    else spans.push({ from, to: from + size })
  }
  return spans.map(({ from, to }) => vector.subarray(from, to))
}

/** Adds a vector to another one of the same length, in place. */
export function addInto(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] += part[i]
}
