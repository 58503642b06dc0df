import { ADAPTER_LIMITS } from './limits.ts'
import { readTensorFile } from './read-tensors.ts'
import type { Shapes, TensorFile } from './tensor-file.ts'

/**
 * Reads the tensors of an adapter.
 * @param check receives their names and shapes before any of their values is read, and throws if they are wrong
 * @throws GraftError `file_missing`, `checkpoint_corrupt`, `checkpoint_tensors`
 */
export const readAdapterWeights = (path: string, check: (tensors: Shapes) => void): Promise<TensorFile> =>
  readTensorFile(path, { limits: ADAPTER_LIMITS, check: ([tensors]) => check(tensors) })
