import type { Program } from '../program.ts'
import type { Tensor } from '../tensor.ts'
import type { Type } from '../types.ts'
import { makeEmitter, type Target } from './emitter.ts'
import { encodeModel } from './model.ts'

/** A lowered program: plain data, so it can be sent to a thread. */
export interface Executable {
  readonly name: string
  /** The bytes of an ONNX model (opset 21 and com.microsoft). */
  readonly model: Uint8Array
  readonly inputs: Readonly<Record<string, Type>>
  readonly outputs: Readonly<Record<string, Type>>
}

/** Lowers a program for a target. */
export function lower({ name, nodes, inputs, outputs }: Program, target: Target): Executable {
  const emitter = makeEmitter(target)
  // Sizes are read off inputs, so these are all known before the first node asks for one.
  for (const [input, type] of Object.entries(inputs)) emitter.input(input, type)
  const values = new Map<Tensor, string>()
  for (const node of nodes) {
    values.set(
      node,
      node.op.emit(
        emitter,
        node.inputs.map((x) => values.get(x) as string),
        node,
      ),
    )
  }
  const results = Object.entries(outputs).map(([key, t]) => [key, [values.get(t) as string, typeOf(t)]] as const)
  return {
    name,
    model: encodeModel(emitter.graph(name, Object.fromEntries(results))),
    inputs: mapValues(inputs, typeOf),
    outputs: mapValues(outputs, typeOf),
  }
}

const typeOf = ({ dtype, shape }: Type): Type => ({ dtype, shape })

const mapValues = <A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
