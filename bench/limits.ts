import { availableParallelism } from 'node:os'
import { elementCount, sizeOf } from '../graph/dim.ts'
import { apply } from '../graph/op.ts'
import { input } from '../graph/ops/leaf.ts'
import { matmul } from '../graph/ops/matmul.ts'
import { codeProductOp } from '../graph/ops/quantized-linear.ts'
import { slice } from '../graph/ops/slice.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import { openPool, type Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Symbols } from '../graph/types.ts'

/** Additions and multiplications in matrix products, of f32 numbers and of 8-bit codes. */
export interface Work {
  readonly floats: number
  readonly codes: number
}

const SIZE = 1024
const SECONDS = 1.5

/**
 * Measures what the machine can do in a second: the products of large square matrices that all cores compute at the
 * same time.
 */
export async function measureLimits(): Promise<Work> {
  const pool = openPool(availableParallelism())
  try {
    const [a, b] = [input('a', 'f32', [SIZE, SIZE]), input('b', 'f32', [SIZE, SIZE])]
    const numbers = new Float32Array(SIZE * SIZE).fill(1 / SIZE)
    const floats = await measureProduct(pool, matmul(a, b), { a: numbers, b: numbers })
    const operands = [input('a', 'u8', [SIZE, SIZE]), input('b', 'i8', [SIZE, SIZE]), input('scales', 'f32', [SIZE])]
    const codes = await measureProduct(pool, apply(codeProductOp, operands, { signed: true }), {
      a: new Uint8Array(SIZE * SIZE).fill(100),
      b: new Int8Array(SIZE * SIZE).fill(3),
      scales: new Float32Array(SIZE).fill(1),
    })
    return { floats, codes }
  } finally {
    await pool.close()
  }
}

/** Returns the operations in a second. Only a corner of the product leaves the runtime. */
async function measureProduct(pool: Pool, product: Tensor, operands: Values): Promise<number> {
  const program = await pool.load(buildProgram('limit', { corner: slice(product, 0, 0, 1) }), operands)
  const runUntil = async (end: number) => {
    let runs = 0
    for (; performance.now() < end; runs++) await program.run({}, {})
    return runs
  }
  const runAll = (ms: number) => {
    const end = performance.now() + ms
    return Promise.all(Array.from({ length: pool.size }, () => runUntil(end)))
  }
  await runAll(200)
  const start = performance.now()
  const runs = (await runAll(1000 * SECONDS)).reduce((total, count) => total + count, 0)
  const seconds = (performance.now() - start) / 1000
  await program.unload()
  return (runs * 2 * SIZE ** 3) / seconds
}

/** Returns the work of a run of a program with these sizes. */
export function workOf({ nodes }: Program, symbols: Symbols): Work {
  let [floats, codes] = [0, 0]
  for (const { op, inputs, attributes, shape } of nodes) {
    const operations = (inner: Tensor['shape'][number]) => 2 * sizeOf(elementCount([...shape, inner]), symbols)
    if (op.name === 'matmul') {
      const { shape: left } = inputs[0]
      floats += operations(left[left.length - (attributes.transposeA ? 2 : 1)])
    } else if (op.name === 'attention') floats += operations(inputs[1].shape[2])
    else if (op.name === 'codeProduct') codes += operations(inputs[1].shape[0])
  }
  return { floats, codes }
}

export const addWork = (all: readonly Work[]): Work => ({
  floats: all.reduce((total, { floats }) => total + floats, 0),
  codes: all.reduce((total, { codes }) => total + codes, 0),
})

/** Returns the seconds that work takes at the limits of the machine. */
export const secondsAtLimit = (work: Work, limits: Work): number =>
  work.floats / limits.floats + work.codes / limits.codes
