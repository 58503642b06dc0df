import { expect, test } from 'vitest'
import { labelled } from '../../graph/label.ts'
import { relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { print } from '../../graph/print.ts'
import { program } from '../../graph/program.ts'

const x = input('x', 'f32', ['rows', 4])
const product = matmul(x, input('w', 'f32', [4, 4]))
const y = relu(product)

test('a label stays with its node in every program that is built on it, and changes nothing else', () => {
  const { y: marked } = labelled({ y }, new Map([[product, 'the product']]))
  const built = program('built', { z: relu(marked) })
  const labels = built.nodes.map(({ op, label }) => [op.name, label])
  expect(labels).toEqual([
    ['input', undefined],
    ['input', undefined],
    ['matmul', 'the product'],
    ['relu', undefined],
    ['relu', undefined],
  ])
  expect(print(built)).toBe(print(program('built', { z: relu(y) })))
})

test('of equal nodes that become one, the first keeps its label', () => {
  const twice = { a: relu(product), b: relu(matmul(x, product.inputs[1])) }
  const marked = labelled(
    twice,
    new Map([
      [twice.a, 'first'],
      [twice.b, 'second'],
    ]),
  )
  const { nodes, outputs } = program('merged', marked)
  expect(nodes.filter(({ op }) => op.name === 'relu').map(({ label }) => label)).toEqual(['first'])
  expect(outputs.a).toBe(outputs.b)
})
