import { expect, test } from 'vitest'
import { lower } from '../../../graph/onnx/lower.ts'
import { scale } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openSession } from '../../../graph/runtime/session.ts'

test('a result with a buffer of its own is written there, and leaves no memory to be collected', async () => {
  const size = 2 ** 20
  const session = await openSession(lower(buildProgram('double', { y: scale(input('x', 'f32', [size]), 2) }), 'cpu'), {
    threads: 1,
  })
  const [x, y] = [new Float32Array(size).fill(21), new Float32Array(new SharedArrayBuffer(4 * size))]
  const { arrayBuffers: before } = process.memoryUsage()
  for (let run = 0; run < 5; run++) {
    const results = await session.run({ x }, {}, { y })
    expect(results.y).toBe(y)
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * size)
  expect(y.every((value) => value === 42)).toBe(true)
  await session.close()
})
