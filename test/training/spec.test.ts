import { expect, test } from 'vitest'
import { methods } from '../../model/methods/registry.ts'
import { parseTrainingSpec } from '../../training/spec.ts'
import { expectError } from '../checkpoint/helpers.ts'

const least = { data: 'train.jsonl', out: 'trained' }
const refusal = async (given: Record<string, unknown>) => parseTrainingSpec(given)

test('data and a folder are enough: LoRA for one epoch, at the learning rate of LoRA', () => {
  expect(parseTrainingSpec(least)).toMatchObject({
    ...least,
    method: { method: 'lora', rank: 8 },
    learning_rate: methods.lora.learningRate,
    epochs: 1,
    seed: 0,
    dropout: 0,
    loss: 'labels',
  })
})

test.each(Object.keys(methods))('%s has a learning rate of its own, which one that is given replaces', (method) => {
  expect(parseTrainingSpec({ ...least, method }).learning_rate).toBe(methods[method].learningRate)
  expect(parseTrainingSpec({ ...least, method, learning_rate: 0.25 }).learning_rate).toBe(0.25)
})

test('the fields of the training and of its method stand side by side, and each takes its own', () => {
  const { method, epochs, seed } = parseTrainingSpec({ ...least, method: 'soft-prompt', tokens: 3, epochs: 2, seed: 5 })
  expect(method).toEqual({ method: 'soft-prompt', tokens: 3, init: 'vocabulary', submodules: 1 })
  expect({ epochs, seed }).toEqual({ epochs: 2, seed: 5 })
})

test.each([
  ['data', { out: 'trained' }],
  ['out', { data: 'train.jsonl' }],
  ['epochs', { ...least, epochs: 0 }],
  ['epochs', { ...least, epochs: 10_001 }],
  ['epochs', { ...least, epochs: 1, steps: 4 }],
  ['batch_tokens', { ...least, batch_tokens: 1000, batch_size: 16 }],
  ['batch_size', { ...least, batch_size: 0 }],
  ['steps', { ...least, steps: 1.5 }],
  ['steps', { ...least, steps: 1_000_001 }],
  ['threads', { ...least, threads: 1025 }],
  ['learning_rate', { ...least, learning_rate: -1 }],
  ['dropout', { ...least, dropout: 1 }],
  ['warmup', { ...least, warmup: 1 }],
  ['max_tokens', { ...least, max_tokens: 4 }],
  ['truncation_side', { ...least, truncation_side: 'both' }],
  ['loss', { ...least, loss: 'hinge' }],
  ['seed', { ...least, seed: -1 }],
  ['device', { ...least, device: 'tpu' }],
] as [string, Record<string, unknown>][])('a %s that is missing or wrong is refused by name', async (field, given) => {
  await expectError(refusal(given), 'usage', field)
})

test('steps may be counted in reviews in place of tokens', () => {
  expect(parseTrainingSpec(least)).toMatchObject({ batch_tokens: 4096 })
  const counted = parseTrainingSpec({ ...least, batch_size: 16 })
  expect(counted).toMatchObject({ batch_size: 16 })
  expect(counted).not.toHaveProperty('batch_tokens')
})

test('a number of steps stands in place of epochs, so what was settled can be asked for again', () => {
  const { method, ...settled } = parseTrainingSpec({ ...least, steps: 4 })
  expect(settled).toMatchObject({ steps: 4 })
  expect(settled).not.toHaveProperty('epochs')
  expect(parseTrainingSpec({ ...settled, ...method })).toEqual({ ...settled, method })
})

test.each([
  ['lora', 'rank'],
  ['bottleneck', 'bottleneck'],
  ['soft-prompt', 'tokens'],
])('%s is not made wider than any base: %s', async (method, field) => {
  await expectError(refusal({ ...least, method, [field]: 100_000_000 }), 'method_invalid', `${method}, ${field}`)
  expect(parseTrainingSpec({ ...least, method, [field]: 4096 }).method).toMatchObject({ [field]: 4096 })
})

test.each(['learnig_rate', 'tokens', 'constructor', 'toString'])(
  'a field %s that neither the training nor its method has is refused by name',
  async (field) => {
    await expectError(refusal({ ...least, [field]: 3 }), 'method_invalid', `lora, ${field}`)
  },
)
