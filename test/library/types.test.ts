import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { packageRoot } from '../../core/entry.ts'
import { compareAdapters, loadClassifier, type Prediction, type TrainOptions, train } from '../../library/library.ts'
import { explanation, prediction } from '../../platform/schemas/classify.ts'
import { fieldsByMethod } from '../../platform/schemas/methods.ts'
import { trainingFields } from '../../training/spec.ts'
import { expectError } from '../checkpoint/helpers.ts'

const types = readFileSync(join(packageRoot, 'library/types.ts'), 'utf8')

test('the options of train have every field of a training, with its type', () => {
  // Compiles only if the types agree.
  const toOptions = (fields: Omit<z.input<typeof trainingFields>, 'label_words'>): TrainOptions => fields
  expect(toOptions).toBeTypeOf('function')
  for (const field of Object.keys(trainingFields.shape)) expect(types).toMatch(new RegExp(`^ {2}${field}\\??: `, 'm'))
  expect([...(/method\?: (.*)/.exec(types)?.[1].matchAll(/'([^']+)'/g) ?? [])].map(([, name]) => name)).toEqual(
    Object.keys(fieldsByMethod),
  )
})

test('predictions and explanations have every field of the API', () => {
  // Compiles only if the types agree.
  const toPrediction = (answer: z.infer<typeof prediction>): Prediction => answer
  expect(toPrediction).toBeTypeOf('function')
  for (const field of [...Object.keys(prediction.shape), ...Object.keys(explanation.shape)])
    expect(types).toMatch(new RegExp(`^ {2}readonly ${field}\\??: `, 'm'))
})

test('the types need no other file', () => {
  expect(types).not.toMatch(/^import\b|\bimport\(/m)
})

test('without a folder, the classifier is the adapter that comes with Graft', async () => {
  const classifier = await loadClassifier({ threads: 1 })
  try {
    expect(classifier.labels).toEqual(['negative', 'positive'])
    const answers = await classifier.classify(['A joy from start to finish.', 'I did not like it at all.'])
    expect(answers.map(({ label }) => label)).toEqual(['positive', 'negative'])
    expect(await classifier.classify([])).toEqual([])
    const [{ label, explanation: found }] = await classifier.classify(['A joy from start to finish.'], {
      explain: true,
    })
    expect(found).toMatchObject({ target: label, against: 'negative' })
    expect(found?.words.map(({ text }) => text).join(' ')).toBe('A joy from start to finish .')
    await expectError(classifier.classify(['fine', '']), 'text_invalid', 'texts[1]')
  } finally {
    await classifier.close()
  }
})

test('a wrong setting, a missing folder and a lonely adapter are errors with a code', async () => {
  await expectError(train({ data: 'train.jsonl', out: 'x', rank: -1 }), 'method_invalid', 'rank')
  await expectError(train({ out: 'nowhere', data: 'train.jsonl', resume: true }), 'file_missing', 'nowhere.training')
  await expectError(loadClassifier({ adapter: 'nowhere' }), 'file_missing', 'nowhere')
  await expectError(compareAdapters({ adapters: ['one'], data: 'test.jsonl' }), 'usage', 'two or more folders')
})
