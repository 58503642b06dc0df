import { expect, test } from 'vitest'
import { modelOf } from '../../../model/architectures.ts'
import { T5_SMALL, type T5Config } from '../../../model/t5/config.ts'

const { objective } = modelOf({ config: { ...T5_SMALL, decoderStartTokenId: 0, eosTokenId: 1 } as T5Config })
const TOKENS = [65, 41]

test('the labels objective predicts the label of each example among the words, at the first decoder step', () => {
  const { positions, constants, inputs } = objective('labels', TOKENS)
  expect({ positions, constants }).toEqual({ positions: 1, constants: { words: Int32Array.from(TOKENS) } })
  expect(inputs([1, 0, 1], 4)).toEqual({
    decoder_input_ids: Int32Array.of(0, 0, 0),
    labels: Int32Array.of(1, 0, 1),
    label_weights: Float32Array.of(0.25, 0.25, 0.25),
  })
})

test('the vocabulary objective predicts the label word of each example and then the end, among all tokens', () => {
  const { positions, constants, inputs } = objective('vocabulary', TOKENS)
  expect({ positions, constants }).toEqual({ positions: 2, constants: {} })
  expect(inputs([1, 0], 4)).toEqual({
    decoder_input_ids: Int32Array.of(0, 41, 0, 65),
    labels: Int32Array.of(41, 1, 65, 1),
    label_weights: Float32Array.of(0.125, 0.125, 0.125, 0.125),
  })
})

test.each(['labels', 'vocabulary'] as const)(
  'the %s objective of the micro-batches of a step adds up to one mean',
  (loss) => {
    const { inputs } = objective(loss, TOKENS)
    const weights = [[0, 1], [1], [0, 0, 1]].flatMap((micro) => [...(inputs(micro, 6).label_weights as Float32Array)])
    expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 6)
  },
)
