/** A tensor's name and shape, without its values. */
export interface NamedShape {
  name: string
  shape: readonly number[]
}

export interface TensorShape {
  readonly shape: readonly number[]
}

/** A tensor's shape and its values, row by row. */
export interface TensorData extends TensorShape {
  readonly data: Float32Array
}

/** A tensor of a file. Its values are not set before they have been read. */
export interface FileTensor extends TensorShape {
  readonly data?: Float32Array
}

/** Returns how many numbers a tensor of this shape holds. */
export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Returns how many numbers all these tensors hold together. */
export const totalSize = (tensors: readonly NamedShape[]): number =>
  tensors.reduce((n, { shape }) => n + sizeOfShape(shape), 0)

/** Returns the offset of each tensor when all are stored one after the other in a single vector. */
export function packTensors(tensors: readonly NamedShape[]): (NamedShape & { from: number; size: number })[] {
  let next = 0
  return tensors.map(({ name, shape }) => {
    const [from, size] = [next, sizeOfShape(shape)]
    next += size
    return { name, shape, from, size }
  })
}
