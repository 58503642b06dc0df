import type { Emitter } from './onnx/emitter.ts'
import type { Type } from './types.ts'

/** A value in a program: an op and its inputs. Tensors are immutable and can be shared freely. */
// biome-ignore lint/suspicious/noExplicitAny: a tensor holds any op, whatever its attributes
export interface Tensor<A = any> extends Type {
  readonly op: Op<A>
  readonly inputs: readonly Tensor[]
  readonly attributes: A
  /** The part of the model that the tensor belongs to, for readers of traces. Derived programs keep the label. */
  readonly label?: string
}

/**
 * An op with all its rules. Every op has all three, and they are defined nowhere else.
 * - `infer` returns the type of the result, or throws an error that names the mismatch;
 * - `gradient` returns, for each input, a thunk that computes its gradient, or null if no gradient flows to it. The
 *   thunk is called only if that input needs a gradient;
 * - `emit` writes the ONNX nodes that compute the op on the emitter's target.
 */
export interface Op<A> {
  readonly name: string
  /**
   * The precision in a mixed-precision program: `half` for ops that are faster and accurate enough in f16, `full` for
   * ops that need f32. Defaults to the widest type of the inputs. See `toMixedPrecision`.
   */
  readonly precision?: 'half' | 'full'
  infer(inputs: readonly Tensor[], attributes: A): Type
  gradient(node: Tensor<A>, dy: Tensor): readonly ((() => Tensor) | null)[]
  emit(onnx: Emitter, inputs: readonly string[], node: Tensor<A>): string
}
