import { describe, expect, test } from 'vitest'
import { gradients } from '../../graph/gradients.ts'
import type { Target } from '../../graph/onnx/emitter.ts'
import { apply } from '../../graph/op.ts'
import { attention } from '../../graph/ops/attention.ts'
import * as e from '../../graph/ops/elementwise.ts'
import { addGradients, gather, scatterAdd } from '../../graph/ops/gather.ts'
import { constant, input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { inverseRmsOp, rmsNorm } from '../../graph/ops/normal.ts'
import { expand, reduceSum, reshape, transpose } from '../../graph/ops/shape.ts'
import { concat, embed, slice } from '../../graph/ops/slice.ts'
import { crossEntropy, logSoftmax, softmax } from '../../graph/ops/softmax.ts'
import { type OpName, ops } from '../../graph/ops/table.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'
import { type Case, gradientError } from './finite-differences.ts'

const ids = constant([2, 0, 2, 1], [4], 'i32')
/** Values away from 0, where ReLU has no derivative. */
const awayFromZero = (i: number) => (i % 2 === 0 ? 1 : -1) * (0.3 + 0.05 * i)
const positive = (i: number) => 0.5 + 0.1 * i

/** At least one case for every op through which a gradient flows. A new op without a case does not compile. */
const cases: Record<OpName, readonly Case[] | 'has no gradient' | 'passes it straight through'> = {
  add: [
    { inputs: [[2, 3], [3]], build: ([a, b]) => e.add(a, b) },
    {
      inputs: [
        [2, 1],
        [2, 3],
      ],
      build: ([a, b]) => e.add(a, b),
    },
  ],
  attention: [
    {
      inputs: [
        [2, 2, 3, 4],
        [2, 2, 5, 4],
        [2, 2, 5, 4],
        [1, 2, 3, 5],
      ],
      build: ([q, k, v, bias]) => attention(q, k, v, bias),
    },
    {
      inputs: [
        [1, 2, 3, 2],
        [1, 2, 3, 2],
        [1, 2, 3, 2],
        [1, 1, 1, 3],
      ],
      build: ([q, k, v, bias]) =>
        attention(
          q,
          k,
          v,
          bias,
          constant(
            Array.from({ length: 18 }, (_, i) => (i % 3 === 1 ? 0 : 1.5)),
            [1, 2, 3, 3],
          ),
        ),
    },
  ],
  cast: 'has no gradient',
  clamp: 'has no gradient',
  codeProduct: 'has no gradient',
  concat: [
    {
      inputs: [
        [2, 3],
        [2, 1],
      ],
      build: ([a, b]) => concat([a, b], 1),
    },
  ],
  constant: 'has no gradient',
  crossEntropy: [{ inputs: [[4, 3]], build: ([x]) => crossEntropy(x, ids) }],
  div: [
    {
      inputs: [
        [2, 3],
        [2, 1],
      ],
      build: ([a, b]) => e.div(a, b),
      values: positive,
    },
  ],
  embed: [{ inputs: [[2, 2]], build: ([x]) => embed(x, 1, 1, 5) }],
  expand: [{ inputs: [[1, 3]], build: ([x]) => expand(x, [2, 4, 3]) }],
  gather: [{ inputs: [[3, 2]], build: ([x]) => gather(x, ids) }],
  gelu: [{ inputs: [[7]], build: ([x]) => e.gelu(x), values: (i) => i - 3 }],
  input: 'has no gradient',
  inverseRms: [{ inputs: [[2, 5]], build: ([x]) => apply(inverseRmsOp, [x], { epsilon: 1e-3 }) }],
  iota: 'has no gradient',
  less: 'has no gradient',
  logSoftmax: [{ inputs: [[2, 4]], build: ([x]) => logSoftmax(x) }],
  matmul: [
    {
      inputs: [
        [2, 3],
        [3, 4],
      ],
      build: ([a, b]) => matmul(a, b),
    },
    {
      inputs: [
        [2, 2, 3],
        [4, 3],
      ],
      build: ([a, b]) => matmul(a, b, { transposeB: true }),
    },
    {
      inputs: [
        [2, 2, 3],
        [3, 4],
      ],
      build: ([a, b]) => matmul(a, b),
    },
    {
      inputs: [
        [3, 2],
        [3, 4],
      ],
      build: ([a, b]) => matmul(a, b, { transposeA: true }),
    },
    {
      // A product with one narrow side is lowered differently.
      inputs: [
        [2, 3, 70],
        [2, 3, 2],
      ],
      build: ([a, b]) => matmul(a, b, { transposeA: true }),
    },
    {
      inputs: [
        [3, 2],
        [4, 3],
      ],
      build: ([a, b]) => matmul(a, b, { transposeA: true, transposeB: true }),
    },
    {
      inputs: [
        [2, 2, 2, 3],
        [2, 3, 4],
      ],
      build: ([a, b]) => matmul(a, b),
    },
    {
      inputs: [
        [2, 1, 2, 3],
        [2, 4, 3],
      ],
      build: ([a, b]) => matmul(a, b, { transposeB: true }),
    },
  ],
  modulo: 'has no gradient',
  mul: [
    {
      inputs: [
        [2, 3],
        [2, 1],
      ],
      build: ([a, b]) => e.mul(a, b),
    },
  ],
  oneHot: 'has no gradient',
  // test/model/quantize-linear.test.ts
  quantizedLinear: 'passes it straight through',
  reduceSum: [
    { inputs: [[2, 3, 2]], build: ([x]) => reduceSum(x, [0, -1]) },
    { inputs: [[2, 3]], build: ([x]) => reduceSum(x, [1], true) },
  ],
  relu: [{ inputs: [[6]], build: ([x]) => e.relu(x), values: awayFromZero }],
  reshape: [{ inputs: [[2, 6]], build: ([x]) => reshape(x, [3, 4]) }],
  rmsNorm: [{ inputs: [[3, 4], [4]], build: ([x, w]) => rmsNorm(x, w, 1e-3) }],
  roundRows: 'has no gradient',
  rowStep: 'has no gradient',
  scatterAdd: [
    { inputs: [[4, 2]], build: ([x]) => scatterAdd(x, ids, 3) },
    {
      inputs: [
        [4, 2],
        [3, 2],
      ],
      build: ([x, y]) => addGradients(y, scatterAdd(x, ids, 3)),
    },
    {
      inputs: [
        [4, 2],
        [2, 2],
      ],
      build: ([x, y]) => addGradients(scatterAdd(x, ids, 3), scatterAdd(y, constant([1, 1], [2], 'i32'), 3)),
    },
    // A table that is read twice and multiplied, like T5's embeddings.
    {
      inputs: [[3, 2]],
      build: ([t]) => concat([gather(t, ids), matmul(gather(t, ids), matmul(t, t, { transposeA: true }))], 0),
    },
  ],
  sigmoid: [{ inputs: [[5]], build: ([x]) => e.sigmoid(x) }],
  silu: [{ inputs: [[7]], build: ([x]) => e.silu(x), values: (i) => i - 3 }],
  slice: [{ inputs: [[2, 5]], build: ([x]) => slice(x, 1, 1, 2) }],
  softmax: [{ inputs: [[2, 4]], build: ([x]) => softmax(x) }],
  sqrt: [{ inputs: [[5]], build: ([x]) => e.sqrt(x), values: positive }],
  step: 'has no gradient',
  detach: 'has no gradient',
  sub: [
    {
      inputs: [
        [2, 3],
        [1, 3],
      ],
      build: ([a, b]) => e.sub(a, b),
    },
  ],
  tanh: [{ inputs: [[5]], build: ([x]) => e.tanh(x) }],
  transpose: [{ inputs: [[2, 3, 4]], build: ([x]) => transpose(x, [2, 0, 1]) }],
  where: [{ inputs: [[5], [2, 5]], build: ([a, b]) => e.where(e.less(a, constant([0])), a, b) }],
}

const testEveryGradient = (target: Target) => {
  for (const [name, list] of Object.entries(cases)) {
    if (list === 'passes it straight through') continue
    if (list === 'has no gradient') {
      test(`${name} passes no gradient`, () => {
        const { op } = { op: ops[name as OpName] }
        const x = input('x', 'f32', [2])
        const node = { op, inputs: [x], attributes: null, dtype: 'f32', shape: [2] } as const
        expect(op.gradient(node as never, x).every((thunk) => thunk === null)).toBe(true)
      })
      continue
    }
    for (const [i, testCase] of list.entries())
      test(`${name} ${i + 1}`, async () => {
        expect(await gradientError(testCase, target)).toBeLessThan(3e-3)
      })
  }
}

describe('the gradient of every op equals central differences', () => testEveryGradient('cpu'))

describe.skipIf(!softwareVulkan)(
  onSoftwareVulkan('the gradient of every op equals central differences on WebGPU'),
  () => testEveryGradient('webgpu'),
)

test('no node is created for a tensor that needs no gradient', () => {
  const [x, frozen] = [input('x', 'f32', [2, 3]), input('w', 'f32', [3, 3])]
  const trained = input('t', 'f32', [3, 3])
  const below = matmul(x, frozen)
  const [g] = gradients(reduceSum(matmul(e.relu(below), trained)), [trained])
  const seen = new Set<unknown>()
  const visit = (t: { inputs: readonly unknown[] }) => {
    if (seen.has(t)) return
    seen.add(t)
    for (const i of t.inputs) visit(i as typeof t)
  }
  visit(g)
  // The backward pass has only the product of the trained weight. The frozen one appears once, in the forward pass.
  expect([...seen].filter((t) => (t as typeof x).op.name === 'matmul')).toHaveLength(2)
})

test('a loss that does not depend on a tensor is rejected with the name of the tensor', () => {
  const [x, y] = [input('x', 'f32', []), input('stray', 'f32', [])]
  expect(() => gradients(e.mul(x, x), [y])).toThrow('the loss does not depend on stray: f32[]')
})
