import type { TensorData, TensorShape } from '../model/tensor-shapes.ts'

/** The contents of a file of tensors. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, TensorData>
  /** The metadata of the header, without the storage form: in memory, every tensor is f32. */
  readonly metadata?: Readonly<Record<string, string>>
  /** SHA-256 of the file's bytes, hex. */
  readonly sha256: string
}

/** Names and shapes of the tensors of a file. */
export type Shapes = ReadonlyMap<string, TensorShape>

/** A file of tensors whose values have not been read. */
export interface OpenTensorFile {
  readonly shapes: Shapes
  /** The number that counts for the limit of tensors: all tensors, and the scales stored beside some of them. */
  readonly entries: number
  /** @param allocate returns where the values of a tensor go */
  read(allocate: (tensor: TensorShape) => Float32Array): Promise<TensorFile>
  close(): Promise<void>
}
