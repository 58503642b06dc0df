import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import type { DType, Shape } from '../types.ts'

interface InputAttributes {
  name: string
  dtype: DType
  shape: Shape
}

export const inputOp: Op<InputAttributes> = {
  name: 'input',
  infer: (_, { dtype, shape }) => ({ dtype, shape }),
  gradient: () => [],
  emit: (_onnx, _inputs, { attributes: { name } }) => name,
}

/** A value that the caller feeds by name on every run. */
export const input = (name: string, dtype: DType, shape: Shape): Tensor => apply(inputOp, [], { name, dtype, shape })

interface ConstantAttributes {
  dtype: DType
  shape: readonly number[]
  values: readonly number[]
}

export const constantOp: Op<ConstantAttributes> = {
  name: 'constant',
  infer: (_, { dtype, shape }) => ({ dtype, shape }),
  gradient: () => [],
  emit: (onnx, _, { attributes }) => onnx.constant(attributes.dtype, attributes.shape, attributes.values),
}

/** A constant of the program. Use it for numbers and small tables, never for weights. */
export const constant = (
  values: readonly number[],
  shape: readonly number[] = [values.length],
  dtype: DType = 'f32',
): Tensor => apply(constantOp, [], { dtype, shape, values })

export const scalar = (value: number, dtype: DType = 'f32'): Tensor => constant([value], [], dtype)
