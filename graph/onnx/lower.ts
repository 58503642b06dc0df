import { sizeOf } from '../dim.ts'
import { type Program, topologicalOrder } from '../program.ts'
import type { Tensor } from '../tensor.ts'
import type { Symbols, Type } from '../types.ts'
import { makeEmitter, type Target } from './emitter.ts'
import { fuseForWebgpu } from './fuse-for-webgpu.ts'
import { encodeModel, type OnnxGraph } from './model.ts'
import { joinBytes } from './protobuf.ts'

/** A lowered program. It is plain data, so it can be sent to a thread. */
export interface Executable {
  readonly name: string
  readonly target: Target
  /** The serialized ONNX model (opset 21 and com.microsoft). */
  readonly model: Uint8Array
  readonly inputs: Readonly<Record<string, Type>>
  readonly outputs: Readonly<Record<string, Type>>
}

export interface LowerOptions {
  /**
   * The only sizes that the program will run with. It then computes no shapes, which ONNX Runtime would do on the CPU
   * even if the rest runs on a GPU. Defaults to reading sizes from the inputs at run time.
   */
  symbols?: Symbols
  /** Values of inputs. Inputs with a fixed shape become part of the model. Defaults to none. */
  constants?: Readonly<Record<string, ArrayBufferView>>
}

/** Lowers a program to an ONNX model for a target. */
export function lower(program: Program, target: Target, options?: LowerOptions): Executable {
  return executableOf(lowerToGraph(program, target, options), target)
}

/** Lowers a program to an ONNX graph, for a caller that changes or stores the graph. */
export function lowerToGraph(
  program: Program,
  target: Target,
  { symbols, constants = {} }: LowerOptions = {},
): OnnxGraph {
  const { name, inputs } = program
  const { outputs, indices } =
    target === 'webgpu' && symbols
      ? fuseForWebgpu(program, symbols)
      : { outputs: program.outputs, indices: new Map(program.nodes.map((node, i) => [node, i])) }
  const emitter = makeEmitter(target, symbols)
  const typeOf = ({ dtype, shape }: Type): Type => ({
    dtype: target === 'webgpu' && dtype === 'u8' ? 'f32' : dtype, // WGSL has no bytes
    shape: symbols ? shape.map((dim) => sizeOf(dim, symbols)) : shape,
  })
  // Sizes are read from inputs, so declare all inputs before the first node needs a size.
  for (const [input, type] of Object.entries(inputs)) emitter.input(input, typeOf(type))
  const values = new Map<Tensor, string>()
  for (const node of forRuntime(outputs, indices)) {
    emitter.startNode(indices.get(node) as number)
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
  const graph = emitter.graph(name, Object.fromEntries(results))
  const isFixed = (input: string) => input in constants && inputs[input].shape.every((dim) => typeof dim === 'number')
  const fixed = graph.inputs
    .filter(([input]) => isFixed(input))
    .map(([input, { dtype, shape }]) => ({ name: input, dtype, shape: shape as number[], values: constants[input] }))
  return {
    ...graph,
    inputs: graph.inputs.filter(([input]) => !isFixed(input)),
    initializers: [...graph.initializers, ...fixed],
  }
}

/**
 * Returns the nodes in the order in which the file has them. ONNX Runtime does not run them in this order: it first
 * runs what leads to the last output of the file, then what the output before it needs besides, and so on. So the
 * outputs are reversed.
 */
function forRuntime(outputs: Readonly<Record<string, Tensor>>, indices: ReadonlyMap<Tensor, number>): Tensor[] {
  const index = (node: Tensor) => indices.get(node) as number
  return topologicalOrder(Object.values(outputs).toSorted((a, b) => index(b) - index(a)))
}

const executableOf = (graph: OnnxGraph, target: Target): Executable => ({
  name: graph.name,
  target,
  model: joinBytes(encodeModel(graph).pieces),
  ...signatureOf(graph),
})

/** Returns the types of what a graph reads and returns. */
export const signatureOf = ({ inputs, outputs }: OnnxGraph): Pick<Executable, 'inputs' | 'outputs'> => ({
  inputs: Object.fromEntries(inputs),
  outputs: Object.fromEntries(outputs),
})
