import { z } from 'zod'
import type { Random } from '../core/random.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Edits } from './edits.ts'
import type { T5Config } from './t5/config.ts'
import { type NamedShape, sizeOfShape } from './t5/tensors.ts'

/** A tensor that a method trains. One that bears the name of a base tensor takes that tensor's place. */
export interface Parameter extends NamedShape {
  /** Its values before the first step; `base` reads a tensor of the base. */
  initial(random: Random, base: (name: string) => Float32Array): Float32Array
}

/**
 * A method of tuning: its configuration, what it trains and how it changes the forward pass. Nothing else asks which it is.
 * The edits are written for parameters of their plain shapes; serving gives each row its own, with a batch axis in front.
 */
export interface Method<C = object> {
  readonly name: string
  readonly config: z.ZodType<C>
  /** A learning rate that serves small bases well (docs/benchmarks.md). */
  readonly learningRate: number
  /** @throws where the configuration does not fit the base, naming both */
  parameters(config: C, t5: T5Config): Parameter[]
  /**
   * @param theta a parameter by its name; undefined where the method has none of that name. In a batch of several methods,
   * {@link ACTIVE} [B, 1] is 1 in the rows that are this method's and 0 in the others, whose parameters are zeros
   */
  edits(config: C, theta: (name: string) => Tensor | undefined, t5: T5Config): Partial<Edits>
}

/** No T5 is as wide: what is asked for beyond is a slip, which memory would tell too late. */
const WIDEST = 4096

const SIZE = `a whole number from 1 to ${WIDEST}`

/** How wide or long a part of a method is. */
export const size = z.int(SIZE).min(1, SIZE).max(WIDEST, SIZE)

/** See {@link Method.edits}. */
export const ACTIVE = 'active'

export function parameter(name: string, shape: readonly number[], initial: Initial): Parameter {
  return { name, shape, initial: (random, base) => initial(shape, random, base) }
}

type Initial = (shape: readonly number[], random: Random, base: (name: string) => Float32Array) => Float32Array

export const zeros: Initial = (shape) => new Float32Array(sizeOfShape(shape))

export const normal =
  (deviation: number): Initial =>
  (shape, random) =>
    Float32Array.from({ length: sizeOfShape(shape) }, () => deviation * random.normal())

/** torch's default for a Linear: kaiming_uniform with a = sqrt(5), which is uniform within ± 1 / sqrt(inputs). */
export const kaimingUniform: Initial = (shape, random) => {
  const bound = 1 / Math.sqrt(shape[shape.length - 1])
  return Float32Array.from({ length: sizeOfShape(shape) }, () => bound * (2 * random.uniform() - 1))
}
