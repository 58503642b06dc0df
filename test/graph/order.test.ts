import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lower } from '../../graph/onnx/lower.ts'
import { relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { softmax } from '../../graph/ops/softmax.ts'
import { buildProgram, type Program } from '../../graph/program.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { parseTrace } from '../../graph/runtime/trace.ts'
import { freshPath } from '../checkpoint/helpers.ts'

const x = input('x', 'f32', [8, 8])
const first = softmax(x)
const second = relu(matmul(first, x))
const third = softmax(matmul(second, x))
/** A chain of values, each of which also leads to a result. The result that needs most of the chain is named first. */
const chain = buildProgram('chain', {
  late: matmul(third, x, { transposeA: true }),
  middle: matmul(second, x, { transposeA: true }),
  early: matmul(first, x, { transposeA: true }),
})
const outputNames = new Map(Object.entries(chain.outputs).map(([name, node]) => [node, name]))

/** Returns the ops and the results of a program in an order of its nodes. */
const describeOrder = ({ nodes }: Program, order: readonly number[]) =>
  order.map((i) => outputNames.get(nodes[i]) ?? nodes[i].op.name)

const EAGER = ['softmax', 'early', 'matmul', 'relu', 'middle', 'matmul', 'softmax', 'late']

test('a result comes as soon as what it needs is there, whatever the order in which results are named', () => {
  const computed = [...chain.nodes.keys()].filter((i) => chain.nodes[i].op.name !== 'input')
  expect(describeOrder(chain, computed)).toEqual(EAGER)
})

test('ONNX Runtime runs a program in that order', async () => {
  const folder = freshPath('order')
  mkdirSync(folder, { recursive: true })
  const session = await openSession(lower(chain, 'cpu'), { threads: 1, profile: join(folder, 'trace') })
  await session.run({ x: new Float32Array(64).fill(0.1) }, {})
  await session.close()
  const [{ nodes }] = parseTrace(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'))
  const order = nodes.toSorted((a, b) => a.start - b.start).map(({ name }) => Number(name.split('.')[0]))
  expect(describeOrder(chain, [...new Set(order)])).toEqual(EAGER)
})
