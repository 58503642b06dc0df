import { expect, test } from 'vitest'
import { joinBranches } from '../../../graph/onnx/branches.ts'
import { lowerToGraph, signatureOf } from '../../../graph/onnx/lower.ts'
import { encodeModel } from '../../../graph/onnx/model.ts'
import { joinBytes } from '../../../graph/onnx/protobuf.ts'
import { add, scale } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { matmul } from '../../../graph/ops/matmul.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import type { Tensor } from '../../../graph/tensor.ts'

const w = Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 7) - 3)
const x = input('x', 'f32', ['rows', 64])
const product = matmul(x, input('w', 'f32', [64, 64]), { transposeB: true })
const graphOf = (y: Tensor) => lowerToGraph(buildProgram('branch', { y }), 'portable', { constants: { w } })

const plain = graphOf(product)
const shifted = graphOf(add(scale(product, 2), input('shift', 'f32', ['rows', 64])))

test('the joined graph runs the branch that its condition selects', async () => {
  const joined = joinBranches('joined', 'is_shifted', shifted, plain)
  const session = await openSession({
    name: 'joined',
    target: 'portable',
    model: joinBytes(encodeModel(joined).pieces),
    ...signatureOf(joined),
  })
  const row = Float32Array.from({ length: 64 }, (_, i) => i / 64)
  const shift = new Float32Array(64).fill(10)
  const run = async (isShifted: number) => [
    ...((await session.run({ x: row, shift, is_shifted: Uint8Array.of(isShifted) }, { rows: 1 })).y as Float32Array),
  ]
  const expected = Array.from({ length: 64 }, (_, o) => row.reduce((sum, value, i) => sum + value * w[o * 64 + i], 0))
  const [no, yes] = [await run(0), await run(1)]
  await session.close()
  for (const [o, value] of expected.entries()) {
    expect(no[o]).toBeCloseTo(value, 3)
    expect(yes[o]).toBeCloseTo(2 * value + 10, 3)
  }
})

test('both branches share a weight, and what is computed from it', () => {
  const { nodes, initializers } = joinBranches('joined', 'is_shifted', shifted, plain)
  expect(initializers.filter(({ name }) => name === 'w')).toHaveLength(1)
  expect(nodes.map(({ opType }) => opType)).toEqual(['Transpose', 'If'])
})

test('an input that has another type in the other graph is refused', () => {
  const other = graphOf(matmul(input('x', 'f32', [2, 64]), input('w', 'f32', [64, 64])))
  expect(() => joinBranches('joined', 'is_shifted', other, plain)).toThrow('the input x has two types')
})
