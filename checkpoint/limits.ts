/** The largest files that are read. The limits bound the memory that a file needs before it is known to be valid. */
export interface ReadLimits {
  /** Bytes of a JSON file. */
  readonly jsonBytes: number
  /** Bytes of the header of a safetensors file. */
  readonly headerBytes: number
  /** Tensors of a checkpoint. */
  readonly tensors: number
}

/** The limits of adapters, which may come from strangers. Those of the largest T5 have a few hundred tensors. */
export const ADAPTER_LIMITS: ReadLimits = { jsonBytes: 2 ** 20, headerBytes: 2 ** 20, tensors: 10_000 }

/** The limits of files that the operator chooses, such as a base. The safetensors library has the same header limit. */
export const BASE_LIMITS: ReadLimits = { jsonBytes: 2 ** 26, headerBytes: 100_000_000, tensors: 100_000 }
