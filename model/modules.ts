/** A matrix y = W x of the model, W [outputs, inputs], stored as `<name>.weight`. */
export interface Linear {
  name: string
  inputs: number
  outputs: number
  /**
   * True if its outputs are never computed, because it is absorbed into the products beside it. Only changes that are
   * linear, or scale its outputs, are possible.
   */
  absorbed?: true
}

/** A residual sub-layer. */
export interface SubLayer {
  /** The prefix of its tensors' names. */
  name: string
  kind: 'selfAttention' | 'crossAttention' | 'feedForward'
  /** The name of its last Linear. */
  output: string
}
