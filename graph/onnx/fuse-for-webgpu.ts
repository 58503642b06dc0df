import { elementCount, sizeOf } from '../dim.ts'
import { apply } from '../op.ts'
import { matmul } from '../ops/matmul.ts'
import { reshape, sameShape } from '../ops/shape.ts'
import type { Program } from '../program.ts'
import type { Tensor } from '../tensor.ts'
import { type Dim, rank, type Symbols } from '../types.ts'
import { gemmOp, partOp, rmsNormGradientOp } from './webgpu-ops.ts'
import type { Context, Rule } from './webgpu-rule.ts'
import { addFilled, fillSoftmax, moveFilled, multiplyFilled, returnValue, subtractEqual } from './webgpu-single-key.ts'

/** The most parts of a Split. A shader can use 8 buffers at least, and one of them is the input. */
const MAX_PARTS = 7

/** The most elements of a tensor that is split. The parts of parts are copies, which take memory. */
const MAX_SPLIT_ELEMENTS = 1 << 22

/** The rules by the op of the node that they replace. The first one that applies is used. */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  add: [addFilled, addInsideProduct],
  attention: [returnValue],
  cast: [moveFilled],
  matmul: [multiplyFilled, transposeInsideProduct],
  mul: [multiplyFilled, scaleInsideProduct],
  reduceSum: [moveFilled, multiplyRows],
  reshape: [moveFilled],
  slice: [splitInstead],
  softmax: [fillSoftmax],
  sub: [subtractEqual, fuseRmsNormGradient],
  transpose: [moveFilled, reshapeInstead],
}

/** A program whose nodes were fused. */
export interface FusedProgram {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** For each node, the index of the program's node that it computes or helps to compute. */
  readonly indices: ReadonlyMap<Tensor, number>
}

/**
 * Fuses nodes into ops that ONNX Runtime has one WebGPU kernel for. A training step consists of small ops, and each
 * dispatch has a cost of its own. The results differ only in rounding.
 *
 * Einsum could also save the transpositions around attention, but its kernel computes each element on its own, without
 * the tiles of MatMul.
 */
export function fuseForWebgpu({ nodes, outputs }: Program, symbols: Symbols): FusedProgram {
  const users = new Map<Tensor, Tensor[]>()
  for (const node of nodes) for (const x of node.inputs) users.set(x, [...(users.get(x) ?? []), node])
  const results = new Set(Object.values(outputs))
  const replacements = new Map<Tensor, Tensor>()
  const fused = (node: Tensor) => replacements.get(node) as Tensor
  const size = (dim: Dim) => sizeOf(dim, symbols)
  const context: Context = {
    sizeOf: size,
    fused,
    hasOneUser: (node) => users.get(node)?.length === 1 && !results.has(node),
    slicesOf: (x, axis) =>
      (users.get(x) ?? [])
        .filter(({ op, attributes }) => op.name === 'slice' && attributes.axis === axis)
        .sort((a, b) => size(a.attributes.start) - size(b.attributes.start)),
  }
  const indices = new Map<Tensor, number>()
  for (const [i, node] of nodes.entries()) {
    const inputs = node.inputs.map(fused)
    const unchanged = inputs.every((x, k) => x === node.inputs[k])
    const replacement = applyRules(node, context) ?? (unchanged ? node : { ...node, inputs })
    replacements.set(node, replacement)
    setIndex(replacement, i, indices)
  }
  return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, node]) => [name, fused(node)])), indices }
}

function applyRules(node: Tensor, context: Context): Tensor | undefined {
  for (const rule of RULES[node.op.name] ?? []) {
    const replacement = rule(node, context)
    if (replacement) return replacement
  }
  return
}

/** Gives an index to a tensor, and to those of its inputs that have none. */
function setIndex(tensor: Tensor, index: number, indices: Map<Tensor, number>): void {
  if (indices.has(tensor)) return
  indices.set(tensor, index)
  for (const x of tensor.inputs) setIndex(x, index, indices)
}

/** Gemm reads a transposed matrix where it is. */
function transposeInsideProduct(node: Tensor, { fused, sizeOf }: Context): Tensor | undefined {
  const { transposeA, transposeB } = node.attributes
  if (!transposeA && !transposeB) return
  const [a, b] = node.inputs.map(fused)
  const product = { ...node, inputs: [a, b] }
  const gemm = asGemm(product)
  if (gemm) return gemm
  // A transposed row is a column of the same elements.
  const swapped = ({ shape }: Tensor) => [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]]
  const isVector = ({ shape }: Tensor) => shape.slice(-2).some((dim) => sizeOf(dim) === 1)
  const [freeA, freeB] = [transposeA && isVector(a), transposeB && isVector(b)]
  if (!freeA && !freeB) return
  const inputs = [freeA ? reshape(a, swapped(a)) : a, freeB ? reshape(b, swapped(b)) : b]
  return apply(node.op, inputs, { transposeA: transposeA && !freeA, transposeB: transposeB && !freeB })
}

/** A factor of a product is Gemm's `alpha`. */
function scaleInsideProduct({ inputs }: Tensor, { fused, hasOneUser }: Context): Tensor | undefined {
  for (const [x, factor] of [inputs, inputs.toReversed()]) {
    const gemm = isScalar(factor) && hasOneUser(x) && asGemm(fused(x))
    if (gemm && gemm.inputs.length === 2)
      return apply(gemmOp, gemm.inputs, {
        ...gemm.attributes,
        alpha: gemm.attributes.alpha * factor.attributes.values[0],
      })
  }
  return
}

/** A sum with a product is Gemm's third input. */
function addInsideProduct({ inputs, shape }: Tensor, { fused, hasOneUser }: Context): Tensor | undefined {
  // The later operand first, because a residual stream often is the earlier one.
  for (const [other, x] of [inputs, inputs.toReversed()]) {
    const gemm = x !== other && sameShape(x.shape, shape) && hasOneUser(x) && asGemm(fused(x))
    const fits = sameShape(other.shape, shape) || sameShape(other.shape, shape.slice(-1))
    if (gemm && gemm.inputs.length === 2 && fits) return apply(gemmOp, [...gemm.inputs, fused(other)], gemm.attributes)
  }
  return
}

/** Returns a product as a Gemm, or undefined if its right side is not a matrix. */
function asGemm(node: Tensor): Tensor | undefined {
  if (node.op === gemmOp) return node
  if (node.op.name !== 'matmul') return
  const [a, b] = node.inputs
  const isProductWithMatrix = rank(b) === 2 && (rank(a) === 2 || !node.attributes.transposeA)
  return isProductWithMatrix ? apply(gemmOp, [a, b], { ...node.attributes, alpha: 1 }) : undefined
}

/** The difference at the end of the gradient of RMSNorm: g · r − x · (rowsum(g ∘ x) · r · r² / n). */
function fuseRmsNormGradient({ inputs: [left, right] }: Tensor, { fused }: Context): Tensor | undefined {
  if (left.op.name !== 'mul' || right.op.name !== 'mul') return
  const [g, r] = left.inputs
  const [x, projection] = right.inputs
  if (r.op.name !== 'inverseRms' || r.inputs[0] !== x || g.op.name !== 'mul' || projection.op.name !== 'mul') return
  const [dy, w] = g.inputs
  const [sum, factor] = projection.inputs
  const isRowSum = sum.op.name === 'reduceSum' && sum.inputs[0].op.name === 'mul' && sameInputs(sum.inputs[0], [g, x])
  const isCube = factor.op.name === 'mul' && factor.inputs[0] === r && isScaledSquare(factor.inputs[1], r, w)
  if (!isRowSum || !isCube || rank(w) !== 1) return
  return apply(rmsNormGradientOp, [x, w, dy].map(fused), r.attributes)
}

/** Returns whether a node is r · r / n, where n is the size of the vector w. */
function isScaledSquare({ op, inputs: [square, factor] }: Tensor, r: Tensor, w: Tensor): boolean {
  if (op.name !== 'mul' || square.op.name !== 'mul' || !sameInputs(square, [r, r]) || !isScalar(factor)) return false
  return factor.attributes.values[0] === 1 / Number(w.shape[0])
}

/** The sum of each row of a ∘ b is a product of a row and a column. */
function multiplyRows({ inputs: [product], attributes: { axes }, shape }: Tensor, context: Context) {
  const [a, b] = product.inputs
  const last = rank(product) - 1
  if (product.op.name !== 'mul' || axes.length !== 1 || axes[0] !== last || !context.hasOneUser(product)) return
  if (product.dtype !== 'f32' || !sameShape(a.shape, b.shape)) return
  const [rows, width] = [elementCount(product.shape.slice(0, -1)), product.shape[last]]
  const dots = matmul(reshape(context.fused(a), [rows, 1, width]), reshape(context.fused(b), [rows, width, 1]))
  return reshape(dots, shape)
}

/** A transposition that only moves axes of size 1 keeps the order of the elements. */
function reshapeInstead({ inputs: [x], attributes: { permutation }, shape }: Tensor, context: Context) {
  const moved = permutation.filter((axis: number) => context.sizeOf(x.shape[axis]) !== 1)
  const keepsOrder = moved.every((axis: number, i: number) => i === 0 || moved[i - 1] < axis)
  return keepsOrder ? reshape(context.fused(x), shape) : undefined
}

/** Slices that do not overlap are the parts of a Split. */
function splitInstead(node: Tensor, { fused, slicesOf, sizeOf }: Context): Tensor | undefined {
  const [x] = node.inputs
  const { axis } = node.attributes
  const slices = slicesOf(x, axis)
  const elements = x.shape.reduce<number>((product, dim) => product * sizeOf(dim), 1)
  if (slices.length < 3 || elements > MAX_SPLIT_ELEMENTS) return
  const starts = slices.map(({ attributes }) => sizeOf(attributes.start))
  const ends = slices.map(({ attributes }, i) => starts[i] + sizeOf(attributes.size))
  if (starts.some((start, i) => i > 0 && start < ends[i - 1])) return
  const bounds = [...new Set([0, ...starts, ...ends, sizeOf(x.shape[axis])])].sort((a, b) => a - b)
  const sizes = bounds.slice(1).map((bound, i) => bound - bounds[i])
  return partOf(fused(x), axis, sizes, bounds.indexOf(sizeOf(node.attributes.start)))
}

/** Returns the part with this index. If there are too many parts for one Split, it is a part of a part. */
function partOf(x: Tensor, axis: number, sizes: readonly number[], index: number): Tensor {
  if (sizes.length <= MAX_PARTS) return apply(partOp, [x], { axis, sizes, index })
  const groups = Array.from({ length: Math.ceil(sizes.length / MAX_PARTS) }, (_, i) =>
    sizes.slice(i * MAX_PARTS, (i + 1) * MAX_PARTS),
  )
  const totals = groups.map((group) => group.reduce((a, b) => a + b, 0))
  const group = Math.floor(index / MAX_PARTS)
  return partOf(partOf(x, axis, totals, group), axis, groups[group], index % MAX_PARTS)
}

const sameInputs = ({ inputs }: Tensor, expected: readonly Tensor[]): boolean =>
  inputs.every((x, i) => x === expected[i])

const isScalar = ({ op, shape }: Tensor): boolean => op.name === 'constant' && shape.length === 0
