import { afterAll, expect, test } from 'vitest'
import { softmax } from '../../model/batch.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Prediction } from '../../serving/engine-types.ts'
import { base, foldersByName, saveConfigs, textOf } from './adapters.ts'

const engine = await openEngine({ base, folderOf: foldersByName(await saveConfigs()), threads: 1 })
afterAll(() => engine.close())

const TEMPERATURE = 2.5

test('a detailed row also gets its logits, its number of tokens and its times', async () => {
  const text = textOf(60)
  const row = { text, adapter: 'three-labels' }
  const [plain, detailed] = (await engine.classify([row, { ...row, detailed: true }])) as Prediction[]
  const { detail, ...same } = detailed
  expect(same).toEqual(plain)
  expect(plain).not.toHaveProperty('detail')
  expect(Object.keys(detail?.logits ?? {})).toEqual(Object.keys(same.scores))
  const probabilities = softmax(Float32Array.from(Object.values(detail?.logits ?? {})), TEMPERATURE)
  for (const [i, score] of Object.values(same.scores).entries()) expect(score).toBeCloseTo(probabilities[i], 6)
  expect([same.tokens, same.truncated]).toEqual([40, true])
  expect(detail?.tokens).toBeGreaterThan(40)
  for (const milliseconds of Object.values(detail?.times ?? {})) expect(milliseconds).toBeGreaterThanOrEqual(0)
  expect(detail?.times.inference).toBeGreaterThan(0)
})

test('a row can choose its truncation side, which defaults to that of the adapter', async () => {
  const [head, tail] = [textOf(60, 1), textOf(60, 2)]
  const row = { text: `${head} ${tail}`, adapter: 'three-labels', detailed: true }
  const rows = [
    row,
    { ...row, truncationSide: 'right' as const },
    { ...row, truncationSide: 'left' as const },
    { ...row, text: head },
  ]
  const [own, end, beginning, first] = ((await engine.classify(rows)) as Prediction[]).map(
    ({ detail }) => detail?.logits,
  )
  expect(end).toEqual(own)
  // Only the first forty tokens remain, and they are all in the first half of the text.
  expect(end).toEqual(first)
  expect(beginning).not.toEqual(end)
})
