import { expect, test } from 'vitest'
import { gradients } from '../../../graph/gradients.ts'
import { add, mul } from '../../../graph/ops/elementwise.ts'
import { gather } from '../../../graph/ops/gather.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum } from '../../../graph/ops/shape.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openPool } from '../../../graph/runtime/pool.ts'
import { makeGradientAccumulator } from '../../../training/step/gradient-accumulator.ts'
import { splitScatters } from '../../../training/step/scattered-gradients.ts'

const ROWS = 5000
const trained = [
  { name: 'table', shape: [ROWS, 3] },
  { name: 'small', shape: [7, 3] },
]

/** A program that reads a large table twice and a small one once. */
function makeProgram() {
  const [table, small] = trained.map(({ name, shape }) => input(name, 'f32', shape))
  const ids = input('ids', 'i32', ['batch', 2])
  const others = input('others', 'i32', ['batch'])
  const weights = input('weights', 'f32', ['batch', 2, 3])
  const few = gather(small, others) // [B, 3]
  const read = add(reduceSum(mul(gather(table, ids), weights), [1]), mul(gather(table, others), few))
  const loss = reduceSum(read)
  const [forTable, forSmall] = gradients(loss, [table, small])
  return buildProgram('reads', { loss, 'grad.table': forTable, 'grad.small': forSmall })
}

const values = {
  table: Float32Array.from({ length: 3 * ROWS }, (_, i) => Math.sin(i)),
  small: Float32Array.from({ length: 21 }, (_, i) => Math.cos(i)),
}

/** Micro-batches that read some rows more than once. */
const batches = [0, 1, 2, 3].map((i) => ({
  feeds: {
    ids: Int32Array.of(3, 4999, 3, i, 17, 4999),
    others: Int32Array.of(i, 3, 6),
    weights: Float32Array.from({ length: 18 }, (_, k) => Math.sin(k + 100 * i)),
  },
  symbols: { batch: 3 },
}))

async function accumulate(threads: number, split: boolean) {
  const pool = openPool(threads)
  const whole = makeProgram()
  const { program, scattered } = split ? splitScatters(whole) : { program: whole, scattered: new Set<string>() }
  const accumulator = makeGradientAccumulator(await pool.load(program, values), trained, threads, scattered)
  const loss = await accumulator.accumulate(batches)
  // A second step must not keep anything of the first.
  await accumulator.accumulate(batches)
  await pool.close()
  return { loss, gradient: accumulator.gradient.slice() }
}

test('the gradient of a large table comes as the rows that were read, that of a small one whole', () => {
  const { program, scattered } = splitScatters(makeProgram())
  expect([...scattered]).toEqual(['grad.table'])
  const shapes = Object.entries(program.outputs).map(([name, { shape }]) => [name, shape.join()])
  expect(Object.fromEntries(shapes)).toMatchObject({
    'grad.small': '7,3',
    'grad.table.rows': expect.stringMatching(/,3$/),
    'grad.table.ids': expect.stringContaining('batch'),
  })
  expect(program.nodes.some(({ op, shape }) => op.name !== 'input' && shape[0] === ROWS)).toBe(false)
})

test('the sum of these rows is the gradient, and its bytes do not depend on the number of threads', async () => {
  const [whole, split, onThree] = [await accumulate(2, false), await accumulate(1, true), await accumulate(3, true)]
  expect(split.loss).toBe(whole.loss)
  for (const [i, g] of split.gradient.entries()) expect(g).toBeCloseTo(whole.gradient[i], 5)
  expect(split.gradient.some((g) => g !== 0)).toBe(true)
  expect(onThree.gradient).toEqual(split.gradient)
})

test('a program without a large table stays as it is', () => {
  const x = input('x', 'f32', [3])
  const program = buildProgram('plain', { loss: reduceSum(x), 'grad.x': mul(x, x) })
  expect(splitScatters(program)).toEqual({ program, scattered: new Set() })
})
