import { expect, test } from 'vitest'
import { withLabels } from '../../graph/label.ts'
import { relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { printProgram } from '../../graph/print.ts'
import { buildProgram } from '../../graph/program.ts'

const x = input('x', 'f32', ['rows', 4])
const product = matmul(x, input('w', 'f32', [4, 4]))
const y = relu(product)

test('a label stays with its node in every derived program, and changes nothing else', () => {
  const { y: marked } = withLabels({ y }, new Map([[product, 'the product']]))
  const built = buildProgram('built', { z: relu(marked) })
  const labels = built.nodes.map(({ op, label }) => [op.name, label])
  expect(labels).toEqual([
    ['input', undefined],
    ['input', undefined],
    ['matmul', 'the product'],
    ['relu', undefined],
    ['relu', undefined],
  ])
  expect(printProgram(built)).toBe(printProgram(buildProgram('built', { z: relu(y) })))
})

test('if equal nodes are merged, the label of the first one is kept', () => {
  const twice = { a: relu(product), b: relu(matmul(x, product.inputs[1])) }
  const marked = withLabels(
    twice,
    new Map([
      [twice.a, 'first'],
      [twice.b, 'second'],
    ]),
  )
  const { nodes, outputs } = buildProgram('merged', marked)
  expect(nodes.filter(({ op }) => op.name === 'relu').map(({ label }) => label)).toEqual(['first'])
  expect(outputs.a).toBe(outputs.b)
})
