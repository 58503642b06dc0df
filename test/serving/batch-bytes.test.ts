import { expect, test } from 'vitest'
import { peakBytes } from '../../graph/memory.ts'
import { buildProgram } from '../../graph/program.ts'
import { modelOf } from '../../model/architectures.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { applyMethod } from '../../model/programs.ts'
import { T5_SMALL } from '../../model/t5/config.ts'
import { measureBatchBytes } from '../../serving/batch-bytes.ts'
import { MAX_BATCH_BYTES } from '../../serving/batching.ts'

const model = modelOf({ config: T5_SMALL })
const { context } = applyMethod(model, parseMethod({ method: 'lora' }))
const program = buildProgram('lora', { scores: model.classLogits(context, ['batch', 'labels']) })
const bytesOf = measureBatchBytes(program)
const shape = (length: number, labels = 2) => ({ length, labels, isMixed: false })

test.each([
  [1, 1024],
  [2, 512],
  [16, 64],
  [256, 4],
])('the bytes of %i rows of %i tokens are at least those of the program, and little more', (batch, source) => {
  const expected = peakBytes(program, { batch, source, labels: 2 })
  expect(bytesOf(batch, shape(source)) / expected).toBeGreaterThanOrEqual(1)
  expect(bytesOf(batch, shape(source)) / expected).toBeLessThan(1.3)
})

test('the attention scores of a long text count', () => {
  const scores = 4 * T5_SMALL.numHeads * 2048 * 2048
  expect(bytesOf(1, shape(2048))).toBeGreaterThan(2 * scores)
})

test('labels count, because each row has the embeddings of its label words', () => {
  const embeddings = 4 * 1000 * T5_SMALL.dModel
  expect(bytesOf(100, shape(4, 1000)) - bytesOf(100, shape(4))).toBeGreaterThan(50 * embeddings)
})

test('a batch of the most tokens with one adapter fits on T5-small, whatever its rows', () => {
  for (const rows of [2, 4, 16, 64, 256]) expect(bytesOf(rows, shape(1024 / rows))).toBeLessThan(MAX_BATCH_BYTES)
})
