import { sizeOf, topLevel } from '../dim.ts'
import { type Dim, type DType, rank, type Shape, type Symbols, type Type } from '../types.ts'
import { type Attribute, ELEMENT_TYPE, type OnnxGraph, type OnnxNode } from './model.ts'

/** Where a program shall run. `cpu` may use ONNX Runtime's fused CPU kernels; the others get plain ONNX alone. */
export type Target = 'cpu' | 'webgpu' | 'cuda'

/** What an op's emit rule writes with. Each call returns the name of the value that it makes; equal nodes are made once. */
export interface Emitter {
  readonly target: Target
  node(opType: string, inputs: readonly string[], attributes?: Record<string, Attribute>, domain?: string): string
  input(name: string, type: Type): string
  constant(dtype: DType, shape: readonly number[], values: readonly number[]): string
  /** The size itself where it is known while lowering: a number, or a symbol of a program that is lowered for one size. */
  known(dim: Dim): number | undefined
  float(value: number): string
  int64(values: readonly number[]): string
  cast(x: string, to: DType): string
  /** The sizes as a one-dimensional i64 tensor; what a Reshape can derive from the `source` shape is left to it (0 and -1). */
  shape(shape: Shape, source?: Shape): string
  matmul(
    a: string,
    b: string,
    aType: Type,
    bType: Type,
    transposes: { transposeA: boolean; transposeB: boolean },
  ): string
}

/** @param symbols the sizes of a program that is lowered for these alone; without them each is read off the inputs as it runs */
export function makeEmitter(
  target: Target,
  symbols?: Symbols,
): Emitter & {
  /** What is made from now on is of the program's node of this number, which its ONNX nodes bear in their names: `12.v40`. */
  emits(node: number): void
  graph(name: string, outputs: Record<string, readonly [string, Type]>): OnnxGraph
} {
  let emitted = 0
  const nodes: OnnxNode[] = []
  const inputs = new Map<string, Type>()
  const initializers = new Map<string, OnnxGraph['initializers'][number]>()
  const made = new Map<string, string>()

  const emitter: Emitter = {
    target,
    node(opType, from, attributes = {}, domain = '') {
      const key = JSON.stringify([opType, from, attributes])
      const known = made.get(key)
      if (known) return known
      const output = `v${made.size}`
      made.set(key, output)
      nodes.push({ name: `${emitted}.${output}`, opType, domain, inputs: from, output, attributes })
      return output
    },
    input(name, type) {
      inputs.set(name, type)
      return name
    },
    constant(dtype, shape, values) {
      const key = `${dtype}[${shape}] ${values.join()}`
      const known = initializers.get(key) ?? { name: `c${initializers.size}`, dtype, shape, values }
      initializers.set(key, known)
      return known.name
    },
    known: (dim) => (typeof dim === 'number' ? dim : symbols && sizeOf(dim, symbols)),
    float: (value) => emitter.constant('f32', [], [value]),
    int64: (values) => emitter.constant('i64', [values.length], values),
    cast: (x, to) => emitter.node('Cast', [x], { to: ELEMENT_TYPE[to] }),
    shape(symbolic, from) {
      const settled = (list: Shape) => list.map((dim) => emitter.known(dim) ?? dim)
      const [shape, source] = [settled(symbolic), from && settled(from)]
      const derived = source ? derivable(shape, source) : shape
      if (derived.every((d) => typeof d === 'number')) return emitter.int64(derived)
      return emitter.node('Concat', shape.map(size), { axis: 0 })
    },
    matmul(a, b, aType, bType, { transposeA, transposeB }) {
      if (target === 'cpu' && transposeA && !transposeB && isNarrow(bType) && !isNarrow(aType)) {
        // Turning aᵀ block by block takes as long as half the product; bᵀ a turns the narrow side, and then the narrow result.
        const turned = emitter.matmul(b, a, bType, aType, { transposeA, transposeB })
        return emitter.node('Transpose', [turned], { perm: swapLastTwo(Math.max(rank(aType), rank(bType))) })
      }
      if (target === 'cpu' && (transposeA || transposeB))
        return emitter.node(
          'FusedMatMul',
          [a, b],
          { transA: Number(transposeA), transB: Number(transposeB), alpha: 1 },
          'com.microsoft',
        )
      const turned = (x: string, type: Type) => emitter.node('Transpose', [x], { perm: swapLastTwo(rank(type)) })
      return emitter.node('MatMul', [transposeA ? turned(a, aType) : a, transposeB ? turned(b, bType) : b])
    },
  }

  /** One size as an i64 tensor [1]: read off the input that has it, or computed from its parts. */
  function size(dim: Dim): string {
    if (typeof dim === 'number') return emitter.int64([dim])
    for (const [sign, opType] of [
      ['+', 'Add'],
      ['*', 'Mul'],
    ] as const) {
      const parts = topLevel(dim, sign)
      if (parts.length > 1) return parts.map(size).reduce((p, q) => emitter.node(opType, [p, q]))
    }
    if (dim.startsWith('(')) return size(dim.slice(1, -1))
    if (!Number.isNaN(Number(dim))) return emitter.int64([Number(dim)])
    for (const [name, { shape }] of inputs) {
      const axis = shape.indexOf(dim)
      if (axis >= 0) return emitter.node('Shape', [name], { start: axis, end: axis + 1 })
    }
    throw new Error(`no input has the size ${dim}`)
  }

  return {
    ...emitter,
    emits(node) {
      emitted = node
    },
    graph: (name, outputs) => ({
      name,
      nodes: withResults(nodes, outputs),
      inputs: [...inputs],
      outputs: Object.entries(outputs).map(([key, [, type]]) => [key, type] as const),
      initializers: [...initializers.values()],
    }),
  }
}

/** Gives values their names as results; one that is no node's, or has a second name, passes through an Identity. */
function withResults(nodes: readonly OnnxNode[], outputs: Record<string, readonly [string, Type]>): OnnxNode[] {
  const made = new Set(nodes.map((n) => n.output))
  const renamed = new Map<string, string>()
  const copies: OnnxNode[] = []
  for (const [key, [value]] of Object.entries(outputs)) {
    if (made.has(value) && !renamed.has(value)) renamed.set(value, key)
    else
      copies.push({
        name: key,
        opType: 'Identity',
        domain: '',
        inputs: [renamed.get(value) ?? value],
        output: key,
        attributes: {},
      })
  }
  const rename = (value: string) => renamed.get(value) ?? value
  return [...nodes.map((n) => ({ ...n, inputs: n.inputs.map(rename), output: rename(n.output) })), ...copies]
}

/** Reshape takes 0 for "as in the source, at the same place" and one -1 for "what is left". */
function derivable(shape: Shape, source: Shape): Shape {
  const copied = shape.map((d, i) => (typeof d === 'string' && d === source[i] ? 0 : d))
  const open = copied.filter((d) => typeof d === 'string')
  return open.length === 1 ? copied.map((d) => (typeof d === 'string' ? -1 : d)) : copied
}

/** Few columns for a matrix product: those of a head, or of a low rank. */
const isNarrow = ({ shape }: Type): boolean => Number(shape.at(-1)) <= 64

const swapLastTwo = (n: number): number[] => [...Array.from({ length: n - 2 }, (_, i) => i), n - 1, n - 2]
