import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { writeGraph } from '../../../checkpoint/onnx/write-graph.ts'
import { lowerToGraph } from '../../../graph/onnx/lower.ts'
import { gather } from '../../../graph/ops/gather.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { buildProgram } from '../../../graph/program.ts'
import { expectError, freshPath } from '../helpers.ts'

test('a graph of more than 2 GiB is refused with its size, and no file is written', async () => {
  const rows = 2 ** 21
  const y = gather(input('table', 'f32', [rows, 256]), input('ids', 'i32', ['batch']))
  // The system provides no memory for zeros that nobody reads.
  const constants = { table: new Float32Array(rows * 256) }
  const path = freshPath('huge.onnx')
  const graph = lowerToGraph(buildProgram('huge', { y }), 'portable', { constants })
  await expectError(writeGraph(path, graph), 'checkpoint_config', 'huge', 'at most 2147483647 bytes')
  expect(existsSync(path)).toBe(false)
})
