import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import type { Dim } from '../types.ts'

export const iotaOp: Op<{ size: Dim }> = {
  name: 'iota',
  infer: (_, { size }) => ({ dtype: 'i32', shape: [size] }),
  gradient: noGradient,
  emit: (onnx, _, { attributes: { size } }) => {
    const length = onnx.staticSize(size)
    if (length !== undefined)
      return onnx.constant(
        'i32',
        [length],
        Array.from({ length }, (_, i) => i),
      )
    const end = onnx.node('Squeeze', [onnx.shape([size])])
    return onnx.cast(onnx.node('Range', [onnx.constant('i64', [], [0]), end, onnx.constant('i64', [], [1])]), 'i32')
  },
}

/** 0, 1, …, size - 1 as i32. */
export const iota = (size: Dim): Tensor => apply(iotaOp, [], { size })

export const clampOp: Op<{ low: number; high: number }> = {
  name: 'clamp',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, [x], { attributes: { low, high }, dtype }) =>
    onnx.node('Clip', [x, onnx.constant(dtype, [], [low]), onnx.constant(dtype, [], [high])]),
}

/** Limits x to low..high. For index arithmetic: no gradient flows through it. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => apply(clampOp, [x], { low, high })

export const moduloOp: Op<{ modulus: number }> = {
  name: 'modulo',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, [x], { attributes: { modulus }, dtype }) => {
    const m = onnx.constant(dtype, [], [modulus])
    // ONNX Runtime has no WebGPU kernel for Mod.
    return onnx.target === 'webgpu'
      ? onnx.node('Sub', [x, onnx.node('Mul', [onnx.node('Div', [x, m]), m])])
      : onnx.node('Mod', [x, m])
  },
}

/** The remainder of x ≥ 0 divided by a constant. For index arithmetic: no gradient flows through it. */
export const modulo = (x: Tensor, modulus: number): Tensor => apply(moduloOp, [x], { modulus })
