import { expect, test } from 'vitest'
import { gradients } from '../../graph/gradients.ts'
import { relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { printProgram } from '../../graph/print.ts'
import { buildProgram } from '../../graph/program.ts'

test('a program prints one node per line, and equal nodes only once', () => {
  const [x, w] = [input('x', 'f32', ['batch', 3]), input('w', 'f32', [2, 3])]
  const loss = reduceSum(relu(matmul(x, w, { transposeB: true })))
  const [dw] = gradients(loss, [w])
  expect(
    printProgram(buildProgram('example', { loss, dw, again: reduceSum(relu(matmul(x, w, { transposeB: true }))) })),
  ).toBe(
    `program "example"
  %0 = input() {name: "x", shape: ["batch",3]} : f32[batch, 3]
  %1 = input() {name: "w", shape: [2,3]} : f32[2, 3]
  %2 = matmul(%0, %1) {transposeB: true} : f32[batch, 2]
  %3 = relu(%2) : f32[batch, 2]
  %4 = reduceSum(%3) {axes: [0,1]} : f32[]
  %5 = constant() {shape: [], values: [1]} : f32[]
  %6 = reshape(%5) {shape: [1,1]} : f32[1, 1]
  %7 = expand(%6) {shape: ["batch",2]} : f32[batch, 2]
  %8 = step(%3) : f32[batch, 2]
  %9 = mul(%7, %8) : f32[batch, 2]
  %10 = matmul(%9, %0) {transposeA: true} : f32[2, 3]
  return loss = %4
  return dw = %10
  return again = %4
`,
  )
})

test('two inputs with the same name are rejected', () => {
  const [a, b] = [input('x', 'f32', [2]), input('x', 'f32', [3])]
  expect(() => buildProgram('clash', { a: reduceSum(a), b: reduceSum(b) })).toThrow('clash: two inputs are named x')
})

test('shapes that do not match are rejected with the op and the shapes', () => {
  expect(() => matmul(input('a', 'f32', ['batch', 3]), input('b', 'f32', [4, 2]))).toThrow(
    'matmul(f32[batch, 3], f32[4, 2]): inner sizes 3 and 4 differ',
  )
})
