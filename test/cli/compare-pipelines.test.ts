import { expect, test } from 'vitest'
import { loadBase } from '../../checkpoint/base.ts'
import { compare } from '../../cli/commands/compare.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { saveRandom } from '../checkpoint/onnx/helpers.ts'
import { writeWordCounter } from '../training/pipeline/word-counter.ts'
import { makeReviews, tinyBase, writeReviews } from '../training/tiny.ts'
import { runInProcess } from './run.ts'

/** Three of these words decide the label of each review. */
const WEIGHTS = Object.fromEntries([
  ...['lovely', 'superb', 'moving', 'gripping'].map((word) => [word, [-1, 1]]),
  ...['dull', 'awful', 'clumsy', 'tedious'].map((word) => [word, [1, -1]]),
])

test('a pipeline is compared with an adapter on the same reviews, with the same statistics', async () => {
  const adapter = await saveRandom(await loadBase(tinyBase()), { method: 'lora' })
  const data = ['--data', writeReviews(makeReviews(60)), '--base', tinyBase(), '--threads', '1']
  const counter = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const args = ['--checkpoint', adapter, '--pipeline', counter, ...data]
  const { adapters, pairs, verdict } = JSON.parse(await runInProcess(compare, ...args, '--json'))
  expect(adapters).toMatchObject([{ name: 'adapter' }, { name: 'counter', n: 60, accuracy: 1, f1: 1 }])
  expect(adapters[0].accuracy).toBeLessThan(0.9)
  expect(pairs).toMatchObject([{ a: 'adapter', b: 'counter', better: 'counter', losses: 0 }])
  expect(verdict).toMatch(/^counter is better: /)

  const alone = ['--pipeline', counter, ...data]
  await expectError(runInProcess(compare, ...alone), 'usage', '--checkpoint', 'none')
  await expectError(runInProcess(compare, ...args, '--pipeline', counter), 'usage', 'twice')
})

test('labels that could mean anything are named by a flag', async () => {
  const adapter = await saveRandom(await loadBase(tinyBase()), { method: 'lora' })
  const data = ['--data', writeReviews(makeReviews(20)), '--base', tinyBase(), '--threads', '1']
  const critic = writeWordCounter(['thumbs down', 'thumbs up'], WEIGHTS)
  const args = ['--checkpoint', adapter, '--pipeline', critic, ...data]
  await expectError(runInProcess(compare, ...args), 'pipeline_invalid', 'thumbs down', '--pipeline-labels')
  const named = ['--pipeline-labels', 'thumbs down=negative,thumbs up=positive', '--json']
  const { adapters } = JSON.parse(await runInProcess(compare, ...args, ...named))
  expect(adapters[1]).toMatchObject({ accuracy: 1 })
})
