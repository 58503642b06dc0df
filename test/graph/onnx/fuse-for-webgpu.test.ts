import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { gradients } from '../../../graph/gradients.ts'
import { lower, lowerToGraph } from '../../../graph/onnx/lower.ts'
import { attention } from '../../../graph/ops/attention.ts'
import { add, mul, scale } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { matmul } from '../../../graph/ops/matmul.ts'
import { rmsNorm } from '../../../graph/ops/normal.ts'
import { reduceSum, transpose } from '../../../graph/ops/shape.ts'
import { slice } from '../../../graph/ops/slice.ts'
import { buildProgram, type Program } from '../../../graph/program.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import { parseTrace } from '../../../graph/runtime/trace.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

const symbols = { n: 6 }
const x = input('x', 'f32', [2, 'n', 4])
const w = input('w', 'f32', [5, 4])
const bias = input('bias', 'f32', [5])
const residual = input('residual', 'f32', [2, 'n', 5])
const gain = input('gain', 'f32', [4])
const single = input('single', 'f32', [2, 3, 1, 4])
const v = input('v', 'f32', [2, 3, 1, 4])
const zero = input('zero', 'f32', [1, 1, 1, 1])
const theta = input('theta', 'f32', [80])

const product = matmul(x, w, { transposeB: true }) // [2, n, 5]
const attended = attention(single, mul(single, single), v, zero)
const attentionLoss = reduceSum(mul(attended, single))

/** Returns the gradients of Σ y ∘ y, so that each one depends on every element of y. */
const gradientsOf = (y: Tensor, wrt: readonly Tensor[]) =>
  Object.fromEntries(gradients(reduceSum(mul(y, y)), wrt).map((g, i) => [`g${i}`, g]))

interface Pattern {
  outputs: Record<string, Tensor>
  /** The kinds of nodes with a kernel, in order. `before` is as they are written for other GPUs. */
  before: string
  after: string
}

const patterns: Record<string, Pattern> = {
  'a product with a transposed matrix': { outputs: { product }, before: 'Transpose MatMul', after: 'Gemm' },
  'a scaled product': { outputs: { y: scale(product, 3) }, before: 'Transpose MatMul Mul', after: 'Gemm' },
  'the sum of a scaled product and another tensor': {
    outputs: { y: add(residual, scale(product, 3)) },
    before: 'Transpose MatMul Mul Add',
    after: 'Gemm',
  },
  'the sum of a product and a vector': {
    outputs: { y: add(product, bias) },
    before: 'Transpose MatMul Add',
    after: 'Gemm',
  },
  'a scaled sum, whose other term is scaled too': {
    outputs: { y: scale(add(residual, product), 3) },
    before: 'Transpose MatMul Add Mul',
    after: 'Gemm Mul',
  },
  'a product that has two users': {
    outputs: { y: add(residual, product), z: scale(product, 3) },
    before: 'Transpose MatMul Mul Add',
    after: 'Gemm Mul Add',
  },
  'a product of two stacks of matrices': {
    outputs: { y: matmul(x, x, { transposeB: true }) },
    before: 'Transpose MatMul',
    after: 'Transpose MatMul',
  },
  'a transposition of an axis of size 1': {
    outputs: { y: mul(transpose(single, [0, 2, 1, 3]), transpose(v, [0, 2, 1, 3])) },
    before: 'Transpose Transpose Mul',
    after: 'Mul',
  },
  'the sum of a product of rows': {
    outputs: { y: reduceSum(mul(x, mul(x, gain)), [-1], true) },
    before: 'Mul Mul ReduceSum',
    after: 'Mul MatMul',
  },
  'slices of a vector': {
    outputs: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`part${i}`, slice(theta, 0, 8 * i, 8)])),
    before: 'Slice '.repeat(9).trim(),
    after: 'Split Split Split',
  },
  'slices that overlap': {
    outputs: Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`part${i}`, slice(theta, 0, 4 * i, 8)])),
    before: 'Slice Slice Slice',
    after: 'Slice Slice Slice',
  },
  'the gradient of RMSNorm': {
    outputs: gradientsOf(rmsNorm(x, gain, 1e-3), [x]),
    before:
      'Expand SimplifiedLayerNormalization Mul Add Mul Mul ReduceSum Mul Add Sqrt Reciprocal Mul Mul ReduceSum Mul Mul Mul Mul Mul Sub',
    after:
      'Expand SimplifiedLayerNormalization Mul Add ReduceSumSquare MatMul BatchNormalization BatchNormalization Sub BatchNormalization',
  },
  'attention to a single key': {
    outputs: { attended },
    before: 'Mul Transpose MatMul Add Softmax MatMul',
    after: 'Identity',
  },
  'the gradient of attention to a single key': {
    outputs: { dv: gradients(attentionLoss, [v])[0] },
    before: 'Mul Transpose MatMul Add Softmax Expand Mul Transpose MatMul',
    after: 'Expand Mul',
  },
}

const FREE = ['Reshape']

const kindsOf = (program: Program, target: 'webgpu' | 'cuda') =>
  lowerToGraph(program, target, { symbols })
    .nodes.map(({ opType }) => opType)
    .filter((kind) => !FREE.includes(kind))
    .join(' ')

/**
 * Runs a program, as it is lowered for a target, on a provider.
 * @param profile the prefix of the file for the trace. Defaults to no trace
 */
async function run(program: Program, target: 'webgpu' | 'cpu', on: 'webgpu' | 'cpu' = 'cpu', profile?: string) {
  const session = await openSession({ ...lower(program, target, { symbols }), target: on }, { threads: 1, profile })
  const feeds = Object.entries(program.inputs).map(([name, { shape }], k) => {
    const size = shape.reduce<number>((a, dim) => a * (dim === 'n' ? symbols.n : Number(dim)), 1)
    return [name, Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + k + 1))] as const
  })
  const results = await session.run(Object.fromEntries(feeds), symbols)
  await session.close()
  return results
}

test.each(Object.entries(patterns))('%s: fewer nodes for WebGPU, the same values', async (_, pattern) => {
  const program = buildProgram('pattern', pattern.outputs)
  expect(kindsOf(program, 'cuda')).toBe(pattern.before)
  expect(kindsOf(program, 'webgpu')).toBe(pattern.after)
  const [fused, plain] = [await run(program, 'webgpu'), await run(program, 'cpu')]
  expect(Object.keys(fused)).toEqual(Object.keys(plain))
  for (const [name, values] of Object.entries(plain))
    expect([...fused[name]]).toEqual([...values].map((value) => expect.closeTo(Number(value), 4)))
})

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('on WebGPU'), () => {
  test('ONNX Runtime adds no dispatches to the gradient of RMSNorm, and computes the same', async () => {
    const folder = freshPath('fused-trace')
    mkdirSync(folder, { recursive: true })
    const { outputs, after } = patterns['the gradient of RMSNorm']
    const program = buildProgram('pattern', outputs)
    const onGpu = await run(program, 'webgpu', 'webgpu', join(folder, 'trace'))
    const [file] = readdirSync(folder)
    const [{ dispatches }] = parseTrace(readFileSync(join(folder, file), 'utf8'))
    // The constant that is expanded is computed when the program is loaded.
    const kinds = after.split(' ').filter((kind) => kind !== 'Expand')
    expect(dispatches.map(({ opType }) => opType).sort()).toEqual(kinds.sort())
    const { g0 } = await run(program, 'cpu')
    expect([...onGpu.g0]).toEqual([...g0].map((value) => expect.closeTo(Number(value), 4)))
  })
})

test('queries and keys have the gradient zero if there is only one key', async () => {
  const q = input('q', 'f32', [2, 3, 1, 4])
  const k = input('k', 'f32', [2, 3, 1, 4])
  const loss = reduceSum(mul(attention(q, k, v, zero), single))
  const [dq, dk] = gradients(loss, [q, k])
  const results = await run(buildProgram('single key', { dq, dk }), 'webgpu')
  for (const name of ['dq', 'dk']) expect([...results[name]]).toEqual(Array(24).fill(0))
})

test('a node for WebGPU is named after a node of the program that it helps to compute', () => {
  const program = buildProgram('named', { y: add(residual, scale(product, 3)) })
  const [gemm] = lowerToGraph(program, 'webgpu', { symbols }).nodes.filter(({ opType }) => opType === 'Gemm')
  expect(program.nodes[Number(gemm.name.split('.')[0])].op.name).toBe('add')
})

test('no other target gets these ops', () => {
  for (const { outputs } of Object.values(patterns))
    for (const target of ['cpu', 'cuda', 'portable'] as const)
      for (const { opType } of lowerToGraph(buildProgram('other', outputs), target, { symbols }).nodes)
        expect(['Gemm', 'Split', 'BatchNormalization', 'ReduceSumSquare']).not.toContain(opType)
})
