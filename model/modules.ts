/** A matrix y = W x of the model, W [outputs, inputs], stored as `<name>.weight`. */
export interface Linear {
  name: string
  inputs: number
  outputs: number
}

/** A residual sub-layer. */
export interface SubLayer {
  /** The prefix of its tensors' names. */
  name: string
  kind: 'selfAttention' | 'crossAttention' | 'feedForward'
  /** The name of its last Linear. */
  output: string
}
