import { expect, test } from 'vitest'
import { methods } from '../../model/methods/registry.ts'
import { parseTrainingSpec } from '../../training/spec.ts'
import { expectError } from '../checkpoint/helpers.ts'

const minimal = { data: 'train.jsonl', out: 'trained' }
const parse = async (fields: Record<string, unknown>) => parseTrainingSpec(fields)

test('data and a folder are enough: the defaults are LoRA, one epoch, and the learning rate of LoRA', () => {
  expect(parseTrainingSpec(minimal)).toMatchObject({
    ...minimal,
    method: { method: 'lora', rank: 8 },
    learning_rate: methods.lora.learningRate,
    epochs: 1,
    seed: 0,
    dropout: 0,
    loss: 'labels',
  })
})

test.each(Object.keys(methods))('%s has its own learning rate, unless one is specified', (method) => {
  expect(parseTrainingSpec({ ...minimal, method }).learning_rate).toBe(methods[method].learningRate)
  expect(parseTrainingSpec({ ...minimal, method, learning_rate: 0.25 }).learning_rate).toBe(0.25)
})

test('the fields of the training and of its method are side by side, and each gets its own', () => {
  const { method, epochs, seed } = parseTrainingSpec({
    ...minimal,
    method: 'soft-prompt',
    tokens: 3,
    epochs: 2,
    seed: 5,
  })
  expect(method).toEqual({ method: 'soft-prompt', tokens: 3, init: 'vocabulary', submodules: 1 })
  expect({ epochs, seed }).toEqual({ epochs: 2, seed: 5 })
})

test.each([
  ['data', { out: 'trained' }],
  ['out', { data: 'train.jsonl' }],
  ['epochs', { ...minimal, epochs: 0 }],
  ['epochs', { ...minimal, epochs: 10_001 }],
  ['epochs', { ...minimal, epochs: 1, steps: 4 }],
  ['batch_tokens', { ...minimal, batch_tokens: 1000, batch_size: 16 }],
  ['batch_size', { ...minimal, batch_size: 0 }],
  ['batch_size', { ...minimal, batch_size: 1_000_000 }],
  ['batch_tokens', { ...minimal, batch_tokens: 1_000_000_000 }],
  ['micro_tokens', { ...minimal, micro_tokens: 1_000_000 }],
  ['steps', { ...minimal, steps: 1.5 }],
  ['steps', { ...minimal, steps: 1_000_001 }],
  ['threads', { ...minimal, threads: 1025 }],
  ['learning_rate', { ...minimal, learning_rate: -1 }],
  ['calibration_rows', { ...minimal, calibration_rows: -1 }],
  ['calibration_rows', { ...minimal, calibration_rows: 'all' }],
  ['dropout', { ...minimal, dropout: 1 }],
  ['warmup', { ...minimal, warmup: 1 }],
  ['max_tokens', { ...minimal, max_tokens: 4 }],
  ['truncation_side', { ...minimal, truncation_side: 'both' }],
  ['loss', { ...minimal, loss: 'hinge' }],
  ['seed', { ...minimal, seed: -1 }],
  ['device', { ...minimal, device: 'tpu' }],
] as [string, Record<string, unknown>][])(
  'the error for a missing or invalid %s names the field',
  async (field, fields) => {
    await expectError(parse(fields), 'usage', field)
  },
)

test('the size of a step can be set in reviews instead of tokens', () => {
  expect(parseTrainingSpec(minimal)).toMatchObject({ batch_tokens: 4096 })
  const counted = parseTrainingSpec({ ...minimal, batch_size: 16 })
  expect(counted).toMatchObject({ batch_size: 16 })
  expect(counted).not.toHaveProperty('batch_tokens')
})

test('reviews to hold out are a number or, by default, auto', () => {
  expect(parseTrainingSpec(minimal)).toMatchObject({ calibration_rows: 'auto' })
  expect(parseTrainingSpec({ ...minimal, calibration_rows: 0 })).toMatchObject({ calibration_rows: 0 })
})

test('a number of steps replaces epochs, so a parsed specification can be parsed again', () => {
  const { method, ...fields } = parseTrainingSpec({ ...minimal, steps: 4 })
  expect(fields).toMatchObject({ steps: 4 })
  expect(fields).not.toHaveProperty('epochs')
  expect(parseTrainingSpec({ ...fields, ...method })).toEqual({ ...fields, method })
})

test.each([
  ['lora', 'rank'],
  ['bottleneck', 'bottleneck'],
  ['soft-prompt', 'tokens'],
])('%s cannot be wider than any base: %s', async (method, field) => {
  await expectError(parse({ ...minimal, method, [field]: 100_000_000 }), 'method_invalid', `${method}, ${field}`)
  expect(parseTrainingSpec({ ...minimal, method, [field]: 4096 }).method).toMatchObject({ [field]: 4096 })
})

test.each(['learnig_rate', 'tokens', 'constructor', 'toString'])(
  'the error for a field %s, which neither the training nor its method has, names it',
  async (field) => {
    await expectError(parse({ ...minimal, [field]: 3 }), 'method_invalid', `lora, ${field}`)
  },
)
