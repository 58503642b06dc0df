import { input } from '../graph/ops/leaf.ts'
import type { QuantizedMatrix, QuantizedWeight } from '../graph/ops/quantized-linear.ts'
import type { Model } from './architecture.ts'
import type { Context } from './context.ts'
import type { Linear } from './modules.ts'

/** The precision of predictions: `int8` rounds weights and activations of Linears to 8 bits. */
export const servingPrecisions = ['f32', 'int8'] as const
export type ServingPrecision = (typeof servingPrecisions)[number]

/** The names of two inputs: the codes i8 [rows, columns] and the scales f32 [columns] of a matrix. */
interface QuantizedNames {
  readonly codes: string
  readonly scales: string
}

/** Returns the names of the inputs with the 8-bit weights of a Linear: Wᵀ [inputs, outputs]. */
export const quantizedNames = ({ name }: Pick<Linear, 'name'>): QuantizedNames => ({
  codes: `${name}.codes`,
  scales: `${name}.scales`,
})

/** Returns the names of the inputs with the 8-bit weights for the gradient of a Linear: W [outputs, inputs]. */
export const transposedNames = ({ name }: Pick<Linear, 'name'>): QuantizedNames =>
  quantizedNames({ name: `${name}.transposed` })

/**
 * Returns the Linears whose weights can have 8 bits. Absorbed ones are multiplied with other weights, so they stay f32,
 * as embeddings and the head do.
 */
export const quantizableLinears = ({ linears }: Pick<Model, 'linears'>): Linear[] =>
  linears.filter(({ absorbed }) => !absorbed)

/** Makes a forward pass compute in a precision. With `int8`, the 8-bit weights are inputs of the program. */
export const inPrecision = (context: Context, precision: ServingPrecision, model: Pick<Model, 'linears'>): Context =>
  precision === 'f32' ? context : withQuantizedLinears(context, model)

/**
 * Makes a forward pass compute with 8-bit weights, which are inputs of the program.
 * @param differentiable also makes the weights inputs that gradients are computed with. Defaults to false
 */
export function withQuantizedLinears(
  context: Context,
  model: Pick<Model, 'linears'>,
  { differentiable = false }: { differentiable?: boolean } = {},
): Context {
  const matrix = ({ codes, scales }: QuantizedNames, rows: number, columns: number): QuantizedMatrix => ({
    codes: input(codes, 'i8', [rows, columns]),
    scales: input(scales, 'f32', [columns]),
  })
  const weights = new Map<string, QuantizedWeight>()
  for (const linear of quantizableLinears(model)) {
    const { name, inputs, outputs } = linear
    weights.set(name, {
      ...matrix(quantizedNames(linear), inputs, outputs),
      ...(differentiable && { transposed: matrix(transposedNames(linear), outputs, inputs) }),
    })
  }
  return { ...context, quantized: (name) => weights.get(name) }
}
