import { describe, expect, test } from 'vitest'
import { makeRandom } from '../../core/random.ts'
import { gradients } from '../../graph/gradients.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { mul, relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { quantizedLinear } from '../../graph/ops/quantized-linear.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { buildProgram } from '../../graph/program.ts'
import { type Data, openSession } from '../../graph/runtime/session.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { quantizeLinear } from '../../model/quantize-linear.ts'

const draw = makeRandom(0, 'quantized linear')
const floats = (n: number, of: () => number = () => draw.normal()) => Float32Array.from({ length: n }, of)

function quantize(weight: Float32Array, inputs: number, outputs: number) {
  const codes = new Int8Array(weight.length)
  const scales = new Float32Array(outputs)
  quantizeLinear(weight, { inputs, outputs }, codes, scales)
  return { codes, scales }
}

type Weights = ReturnType<typeof quantize>

/** Computes layers one after the other, with relu between them. @param first applied to x. Defaults to nothing */
async function run(
  target: 'cpu' | 'portable',
  x: Float32Array,
  rows: number,
  layers: Weights | readonly Weights[],
  first: (x: Tensor) => Tensor = (x) => x,
): Promise<Float32Array> {
  const feeds: Record<string, Data> = { x }
  let width = x.length / rows
  const y = [layers].flat().reduce(
    (h, { codes, scales }, i) => {
      Object.assign(feeds, { [`codes.${i}`]: codes, [`scales.${i}`]: scales })
      const product = quantizedLinear(i === 0 ? first(h) : relu(h), {
        codes: input(`codes.${i}`, 'i8', [width, scales.length]),
        scales: input(`scales.${i}`, 'f32', [scales.length]),
      })
      width = scales.length
      return product
    },
    input('x', 'f32', ['rows', width]) as Tensor,
  )
  const session = await openSession(lower(buildProgram('test', { y }), target), { threads: 1 })
  try {
    return (await session.run(feeds, { rows })).y as Float32Array
  } finally {
    await session.close()
  }
}

const roundToEven = (value: number) => value + 1.5 * 2 ** 52 - 1.5 * 2 ** 52

/** The definition of the op, in plain numbers. @param largestCode 127, or 255 for values that are not negative */
function reference(x: Float32Array, rows: number, { codes, scales }: Weights, largestCode = 127): Float32Array {
  const [inputs, outputs] = [x.length / rows, scales.length]
  const y = new Float32Array(rows * outputs)
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * inputs, (row + 1) * inputs)
    const step = Math.fround(Math.max(1e-30, ...values.map(Math.abs)) / largestCode)
    const rounded = Array.from(values, (value) => roundToEven(Math.fround(value / step)))
    for (let output = 0; output < outputs; output++) {
      const sum = rounded.reduce((total, code, i) => total + code * codes[i * outputs + output], 0)
      y[row * outputs + output] = sum * scales[output] * step
    }
  }
  return y
}

const expectClose = (found: Float32Array, expected: Float32Array) => {
  const size = Math.max(...expected.map(Math.abs), 1e-30)
  expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]))) / size).toBeLessThan(1e-6)
}

describe('a product with 8-bit weights', () => {
  test.each(['cpu', 'portable'] as const)('is what its definition says, on the target %s', async (target) => {
    for (const [rows, inputs, outputs] of [
      [1, 32, 5],
      [3, 64, 16],
      [17, 300, 40],
    ]) {
      const weights = quantize(floats(inputs * outputs), inputs, outputs)
      const x = floats(rows * inputs)
      expectClose(await run(target, x, rows, weights), reference(x, rows, weights))
    }
  })

  test('is exact where products of neighbours are as large as they can be', async () => {
    // Weights of one sign and activations at their limit: sums of two products do not fit into 16 bits with any code.
    const [rows, inputs, outputs] = [4, 512, 24]
    for (const sign of [1, -1]) {
      const weights = quantize(
        floats(inputs * outputs, () => sign * (0.9 + 0.1 * draw.uniform())),
        inputs,
        outputs,
      )
      const x = floats(rows * inputs, () => 1)
      expectClose(await run('cpu', x, rows, weights), reference(x, rows, weights))
      expectClose(await run('cpu', x, rows, weights, relu), reference(x, rows, weights, 255))
    }
  })

  test.each(['cpu', 'portable'] as const)(
    'rounds what relu returns to codes from 0 to 255, on the target %s',
    async (target) => {
      const [rows, inputs, inner, outputs] = [9, 40, 64, 12]
      const [first, second] = [
        quantize(floats(inputs * inner), inputs, inner),
        quantize(floats(inner * outputs), inner, outputs),
      ]
      const x = floats(rows * inputs)
      x.fill(-1, 0, inputs)
      const positive = x.map((value) => Math.max(0, value))
      expectClose(await run(target, x, rows, first, relu), reference(positive, rows, first, 255))
      const hidden = reference(x, rows, first).map((value) => Math.max(0, value))
      expectClose(await run(target, x, rows, [first, second]), reference(hidden, rows, second, 255))
    },
  )

  test('of a row does not depend on the rows beside it, and a row of zeros stays zero', async () => {
    const [inputs, outputs] = [64, 8]
    const weights = quantize(floats(inputs * outputs), inputs, outputs)
    const x = floats(3 * inputs)
    x.fill(0, inputs, 2 * inputs)
    for (let i = 2 * inputs; i < 3 * inputs; i++) x[i] *= 1000
    const together = await run('cpu', x, 3, weights)
    expect([...together.subarray(outputs, 2 * outputs)]).toEqual(new Array(outputs).fill(0))
    for (const row of [0, 2]) {
      const alone = await run('cpu', x.slice(row * inputs, (row + 1) * inputs), 1, weights)
      expect([...together.subarray(row * outputs, (row + 1) * outputs)]).toEqual([...alone])
    }
  })
})

test('the gradient is that of the product, computed with 8-bit weights as well', async () => {
  const [rows, inputs, outputs] = [5, 96, 40]
  const weight = floats(inputs * outputs)
  const transposed = Float32Array.from(weight, (_, at) => weight[(at % outputs) * inputs + Math.floor(at / outputs)])
  const backward = quantize(transposed, outputs, inputs)
  const dy = floats(rows * outputs)
  const y = quantizedLinear(input('x', 'f32', [rows, inputs]), {
    codes: input('codes', 'i8', [inputs, outputs]),
    scales: input('scales', 'f32', [outputs]),
    transposed: {
      codes: input('backward.codes', 'i8', [outputs, inputs]),
      scales: input('backward.scales', 'f32', [inputs]),
    },
  })
  const [dx] = gradients(reduceSum(mul(y, input('dy', 'f32', [rows, outputs]))), [y.inputs[2]])
  const session = await openSession(lower(buildProgram('test', { dx }), 'cpu'), { threads: 1 })
  const feeds = { dy, 'backward.codes': backward.codes, 'backward.scales': backward.scales }
  const found = (await session.run(feeds, {})).dx as Float32Array
  await session.close()
  expect([...found]).toEqual([...(await run('cpu', dy, rows, backward))])
  const exact = Float32Array.from({ length: rows * inputs }, (_, at) => {
    const [row, i] = [Math.floor(at / inputs), at % inputs]
    return dy
      .subarray(row * outputs, (row + 1) * outputs)
      .reduce((sum, value, output) => sum + value * weight[output * inputs + i], 0)
  })
  const norm = (values: Float32Array) => Math.hypot(...values)
  expect(norm(found.map((value, i) => value - exact[i])) / norm(exact)).toBeLessThan(0.02)
})

test('neighbours of one sign have codes of at most 128 together, and no weight changes by more than half a scale', () => {
  const [inputs, outputs] = [301, 20]
  const weight = floats(inputs * outputs)
  weight.fill(0, 0, inputs)
  const { codes, scales } = quantize(weight, inputs, outputs)
  expect(scales[0]).toBe(0)
  for (let output = 0; output < outputs; output++)
    for (let i = 0; i < inputs; i++) {
      const code = codes[i * outputs + output]
      expect(Math.abs(code * scales[output] - weight[output * inputs + i])).toBeLessThanOrEqual(
        scales[output] * 0.50001,
      )
      if (i % 2 === 1) expect(Math.abs(code + codes[(i - 1) * outputs + output])).toBeLessThanOrEqual(128)
    }
})
