import { expect, test } from 'vitest'
import { T5_SMALL } from '../../../model/t5/config.ts'
import { objective } from '../../../training/step/objective.ts'

const t5 = { ...T5_SMALL, decoderStartTokenId: 0, eosTokenId: 1 }
const TOKENS = [65, 41]

test('over the labels: each review asks for its label among the words, at the first step', () => {
  const { target, words, bound, feeds } = objective('labels', TOKENS, t5)
  expect({ target, words, bound }).toEqual({ target: 1, words: 2, bound: { words: Int32Array.from(TOKENS) } })
  expect(feeds([1, 0, 1], 4)).toEqual({
    decoder_input_ids: Int32Array.of(0, 0, 0),
    labels: Int32Array.of(1, 0, 1),
    label_weights: Float32Array.of(0.25, 0.25, 0.25),
  })
})

test('over the vocabulary: each review asks for the word of its label and then for the end, against every token', () => {
  const { target, words, bound, feeds } = objective('vocabulary', TOKENS, t5)
  expect({ target, words, bound }).toEqual({ target: 2, words: undefined, bound: {} })
  expect(feeds([1, 0], 4)).toEqual({
    decoder_input_ids: Int32Array.of(0, 41, 0, 65),
    labels: Int32Array.of(41, 1, 65, 1),
    label_weights: Float32Array.of(0.125, 0.125, 0.125, 0.125),
  })
})

test.each(['labels', 'vocabulary'] as const)('over the %s: the micro-batches of a step make up one mean', (loss) => {
  const { feeds } = objective(loss, TOKENS, t5)
  const weights = [[0, 1], [1], [0, 0, 1]].flatMap((micro) => [...(feeds(micro, 6).label_weights as Float32Array)])
  expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 6)
})
