import { sizeOf, splitAtTopLevel } from '../dim.ts'
import { type Dim, type DType, rank, type Shape, type Symbols, type Type } from '../types.ts'
import { type Attribute, ELEMENT_TYPE, type OnnxGraph, type OnnxNode } from './model.ts'

/**
 * The device that a program is lowered for. `cpu` may use ONNX Runtime's fused CPU kernels; the others get only
 * standard ONNX ops. `portable` is for files that other programs run, on any device.
 */
export type Target = 'cpu' | 'webgpu' | 'cuda' | 'portable'

/** A writer of ONNX nodes for ops. Each call returns the name of a value. Equal nodes are written once. */
export interface Emitter {
  readonly target: Target
  node(opType: string, inputs: readonly string[], attributes?: Record<string, Attribute>, domain?: string): string
  /** Writes a node with several outputs, and returns the names of all of them. */
  nodeOutputs(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute>,
    count: number,
    domain?: string,
  ): readonly string[]
  input(name: string, type: Type): string
  constant(dtype: DType, shape: readonly number[], values: readonly number[]): string
  /** Returns a size if it is known during lowering: a number, or a symbol if the program is lowered for fixed sizes. */
  staticSize(dim: Dim): number | undefined
  float(value: number): string
  int64(values: readonly number[]): string
  cast(x: string, to: DType): string
  /** Returns the sizes as an i64 tensor [rank]. With `source`, sizes that a Reshape can derive from it are 0 or -1. */
  shape(shape: Shape, source?: Shape): string
  matmul(
    a: string,
    b: string,
    aType: Type,
    bType: Type,
    transposes: { transposeA: boolean; transposeB: boolean },
  ): string
}

/**
 * Makes an emitter.
 * @param symbols the sizes of the symbols, if the program is lowered for fixed sizes. If not set, each size is read
 * from the inputs at run time.
 */
export function makeEmitter(
  target: Target,
  symbols?: Symbols,
): Emitter & {
  /**
   * Assigns the ONNX nodes emitted from now on to the program node with this index, which prefixes their names
   * (`12.v40`).
   */
  startNode(index: number): void
  graph(name: string, outputs: Record<string, readonly [string, Type]>): OnnxGraph
} {
  let nodeIndex = 0
  const nodes: OnnxNode[] = []
  const inputs = new Map<string, Type>()
  const initializers = new Map<string, OnnxGraph['initializers'][number]>()
  const emitted = new Map<string, readonly string[]>()

  const emitter: Emitter = {
    target,
    node: (opType, from, attributes = {}, domain = '') => emitter.nodeOutputs(opType, from, attributes, 1, domain)[0],
    nodeOutputs(opType, from, attributes, count, domain = '') {
      const key = JSON.stringify([opType, from, attributes])
      const existing = emitted.get(key)
      if (existing) return existing
      const first = `v${emitted.size}`
      const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? first : `${first}_${i}`))
      emitted.set(key, outputs)
      nodes.push({ name: `${nodeIndex}.${first}`, opType, domain, inputs: from, outputs, attributes })
      return outputs
    },
    input(name, type) {
      inputs.set(name, type)
      return name
    },
    constant(dtype, shape, values) {
      const key = `${dtype}[${shape}] ${values.join()}`
      const initializer = initializers.get(key) ?? { name: `c${initializers.size}`, dtype, shape, values }
      initializers.set(key, initializer)
      return initializer.name
    },
    staticSize: (dim) => (typeof dim === 'number' ? dim : symbols && sizeOf(dim, symbols)),
    float: (value) => emitter.constant('f32', [], [value]),
    int64: (values) => emitter.constant('i64', [values.length], values),
    cast: (x, to) => emitter.node('Cast', [x], { to: ELEMENT_TYPE[to] }),
    shape(symbolic, from) {
      const resolve = (list: Shape) => list.map((dim) => emitter.staticSize(dim) ?? dim)
      const [shape, source] = [resolve(symbolic), from && resolve(from)]
      const derived = source ? toReshapeSizes(shape, source) : shape
      if (derived.every((d) => typeof d === 'number')) return emitter.int64(derived)
      return emitter.node('Concat', shape.map(emitSize), { axis: 0 })
    },
    matmul(a, b, aType, bType, { transposeA, transposeB }) {
      if (target === 'cpu' && transposeA && !transposeB && isNarrow(bType) && !isNarrow(aType)) {
        // Transposing `a` block by block takes half as long as the product. Computing `bᵀ a` transposes only the narrow
        // side, and then the narrow result.
        const transposed = emitter.matmul(b, a, bType, aType, { transposeA, transposeB })
        return emitter.node('Transpose', [transposed], { perm: swapLastTwo(Math.max(rank(aType), rank(bType))) })
      }
      if (target === 'cpu' && (transposeA || transposeB))
        return emitter.node(
          'FusedMatMul',
          [a, b],
          { transA: Number(transposeA), transB: Number(transposeB), alpha: 1 },
          'com.microsoft',
        )
      const transpose = (x: string, type: Type) => emitter.node('Transpose', [x], { perm: swapLastTwo(rank(type)) })
      return emitter.node('MatMul', [transposeA ? transpose(a, aType) : a, transposeB ? transpose(b, bType) : b])
    },
  }

  /** Returns one size as an i64 tensor [1], read from the input that has it or computed from its operands. */
  function emitSize(dim: Dim): string {
    if (typeof dim === 'number') return emitter.int64([dim])
    for (const [operator, opType] of [
      ['+', 'Add'],
      ['*', 'Mul'],
    ] as const) {
      const parts = splitAtTopLevel(dim, operator)
      if (parts.length > 1) return parts.map(emitSize).reduce((p, q) => emitter.node(opType, [p, q]))
    }
    if (dim.startsWith('(')) return emitSize(dim.slice(1, -1))
    if (!Number.isNaN(Number(dim))) return emitter.int64([Number(dim)])
    for (const [name, { shape }] of inputs) {
      const axis = shape.indexOf(dim)
      if (axis >= 0) return emitter.node('Shape', [name], { start: axis, end: axis + 1 })
    }
    throw new Error(`no input has the size ${dim}`)
  }

  return {
    ...emitter,
    startNode(index) {
      nodeIndex = index
    },
    graph: (name, outputs) => ({
      name,
      nodes: nameOutputs(nodes, outputs),
      inputs: [...inputs],
      outputs: Object.entries(outputs).map(([key, [, type]]) => [key, type] as const),
      initializers: [...initializers.values()],
    }),
  }
}

/**
 * Renames values to their output names. A value that no node computes, or that has two names, goes through an Identity.
 */
function nameOutputs(nodes: readonly OnnxNode[], outputs: Record<string, readonly [string, Type]>): OnnxNode[] {
  const nodeOutputs = new Set(nodes.flatMap((n) => n.outputs))
  const renamed = new Map<string, string>()
  const copies: OnnxNode[] = []
  for (const [key, [value]] of Object.entries(outputs)) {
    if (nodeOutputs.has(value) && !renamed.has(value)) renamed.set(value, key)
    else
      copies.push({
        name: key,
        opType: 'Identity',
        domain: '',
        inputs: [renamed.get(value) ?? value],
        outputs: [key],
        attributes: {},
      })
  }
  const rename = (value: string) => renamed.get(value) ?? value
  return [...nodes.map((n) => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) })), ...copies]
}

/** Returns the shape for a Reshape: 0 means "as in the source", and one -1 means "the remaining elements". */
function toReshapeSizes(shape: Shape, source: Shape): Shape {
  const copied = shape.map((d, i) => (typeof d === 'string' && d === source[i] ? 0 : d))
  const unresolved = copied.filter((d) => typeof d === 'string')
  return unresolved.length === 1 ? copied.map((d) => (typeof d === 'string' ? -1 : d)) : copied
}

/** Returns whether a matrix has few columns, such as one head or a low rank has. */
const isNarrow = ({ shape }: Type): boolean => Number(shape.at(-1)) <= 64

const swapLastTwo = (n: number): number[] => [...Array.from({ length: n - 2 }, (_, i) => i), n - 1, n - 2]
