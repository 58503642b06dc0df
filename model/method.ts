import { z } from 'zod'
import type { Random } from '../core/random.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Model } from './architecture.ts'
import type { Edits } from './edits.ts'
import { type NamedShape, sizeOfShape } from './tensor-shapes.ts'

/** A tensor that a method trains. If it has the name of a base tensor, it replaces that tensor. */
export interface Parameter extends NamedShape {
  /** Returns the values before the first step. `base` reads a tensor of the base. */
  initial(random: Random, base: (name: string) => Float32Array): Float32Array
}

/**
 * A tuning method: its configuration, its parameters and its changes to the forward pass. No other code depends on
 * which method it is.
 *
 * Edits are written for parameters in their plain shapes. Serving gives each row its own parameters, with a batch axis
 * in front.
 */
export interface Method<C = object> {
  readonly name: string
  readonly config: z.ZodType<C>
  /** A learning rate that works well for small bases (docs/benchmarks.md). */
  readonly learningRate: number
  /** @throws GraftError `method_invalid` if the configuration does not fit the model */
  parameters(config: C, model: Model): Parameter[]
  /** True if its only change is to weights of Linears, so that a full model can compute the same. */
  readonly merges?: true
  /** Returns how many positions the method adds to every text. If not set, it adds none. */
  virtualTokens?(config: C): number
  /**
   * Returns true if its edits cannot give each row parameters of its own, because they read weights of the base or add
   * positions to the decoder. Rows of one adapter still share a batch.
   */
  readonly needsOwnBatch?: (config: C) => boolean
  /**
   * @param theta returns a parameter by its name, or undefined if the method has none of that name. In a batch of
   * several adapters, it has a batch axis in front
   * @param weight returns a tensor of the base by its name. Not set in batches of several adapters
   */
  edits(
    config: C,
    theta: (name: string) => Tensor | undefined,
    model: Model,
    weight?: (name: string) => Tensor,
  ): Partial<Edits>
}

/**
 * No supported model is wider, so a larger number is a typo. Without this limit, it would only fail when memory runs
 * out.
 */
const MAX_SIZE = 4096

const SIZE = `a whole number from 1 to ${MAX_SIZE}`

/** The schema of a rank, width or length in a method's configuration. */
export const size = z.int(SIZE).min(1, SIZE).max(MAX_SIZE, SIZE)

export function parameter(name: string, shape: readonly number[], initial: Initial): Parameter {
  return { name, shape, initial: (random, base) => initial(shape, random, base) }
}

/** Returns a parameter that takes the place of a base tensor and starts from its values. */
export const fromBase = ({ name, shape }: NamedShape): Parameter =>
  parameter(name, shape, (_shape, _random, base) => base(name).slice())

/** Returns the values of a tensor before the first step. */
export type Initial = (shape: readonly number[], random: Random, base: (name: string) => Float32Array) => Float32Array

export const zeros: Initial = (shape) => new Float32Array(sizeOfShape(shape))

export const normal =
  (deviation: number): Initial =>
  (shape, random) =>
    Float32Array.from({ length: sizeOfShape(shape) }, () => deviation * random.normal())

/** PyTorch's default for a Linear: kaiming_uniform with a = sqrt(5), which is uniform within ± 1 / sqrt(inputs). */
export const kaimingUniform: Initial = (shape, random) => {
  const bound = 1 / Math.sqrt(shape[shape.length - 1])
  return Float32Array.from({ length: sizeOfShape(shape) }, () => bound * (2 * random.uniform() - 1))
}
