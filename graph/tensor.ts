import type { Emitter } from './onnx/emitter.ts'
import type { Type } from './types.ts'

/** A value in a program: the op that makes it, of which inputs. Tensors are immutable and may be shared freely. */
// biome-ignore lint/suspicious/noExplicitAny: a tensor holds any op, whatever its attributes
export interface Tensor<A = any> extends Type {
  readonly op: Op<A>
  readonly inputs: readonly Tensor[]
  readonly attributes: A
  /** Of what it is a part, for those who read traces; what is made of a program keeps it, and no result depends on it. */
  readonly label?: string
}

/**
 * An op and all its rules. There is no op without all three, and no other place that knows them.
 * - `infer`: the type of the result, or an error that names what does not fit;
 * - `gradient`: for each input a thunk of its gradient, called only where that input needs one; null where there is none;
 * - `emit`: the ONNX nodes that compute it, for the emitter's target.
 */
export interface Op<A> {
  readonly name: string
  /**
   * In half precision: `half` where it is fast and exact enough, `full` where it is neither; else as the widest of its inputs. As automatic
   * mixed precision has it (Micikevicius et al. 2018, arXiv 1710.03740).
   */
  readonly precision?: 'half' | 'full'
  infer(inputs: readonly Tensor[], attributes: A): Type
  gradient(node: Tensor<A>, dy: Tensor): readonly ((() => Tensor) | null)[]
  emit(onnx: Emitter, inputs: readonly string[], node: Tensor<A>): string
}
