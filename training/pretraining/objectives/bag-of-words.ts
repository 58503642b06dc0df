import { z } from 'zod'
import { firstStepLoss } from './losses.ts'
import type { Objective, ObjectiveSetting } from './objective.ts'

export const bagOfWordsConfig = z.strictObject({
  kind: z.literal('bag_of_words'),
  weight: z.number().positive().default(1),
  frequency_threshold: z
    .number()
    .positive()
    .default(1e-4)
    .describe('Tokens above this share of the corpus count less: by the square root of threshold / share.'),
})

/**
 * Learns which words a segment contains, at the decoder's first step and over the whole vocabulary. Frequent tokens
 * count less, as in word2vec (Mikolov et al. 2013, arXiv 1310.4546).
 */
export function bagOfWords(
  { frequency_threshold }: z.infer<typeof bagOfWordsConfig>,
  { name, corpus, model, pretraining }: ObjectiveSetting,
): Objective {
  const weightOf = tokenWeights(corpus.ids, model.vocabSize, frequency_threshold)
  return {
    heads: [],
    constants: {},
    count: () => 1,
    loss: ({ context, states }) => firstStepLoss(name, pretraining.logits(states(), context)),
    inputs(examples, _source, count) {
      const targets = new Float32Array(examples.length * model.vocabSize)
      for (const [i, { segment }] of examples.entries()) {
        const distinct = new Set(corpus.ids.subarray(segment.from, segment.to))
        let total = 0
        for (const id of distinct) total += weightOf[id]
        for (const id of distinct) targets[i * model.vocabSize + id] = weightOf[id] / total / count
      }
      return { feeds: { [`${name}.targets`]: targets }, symbols: {} }
    },
  }
}

/** Returns min(1, √(threshold / p)) for each token of the vocabulary, where p is its share of the corpus. */
function tokenWeights(ids: Int32Array, vocabSize: number, threshold: number): Float64Array {
  const counts = new Float64Array(vocabSize)
  for (const id of ids) counts[id]++
  return counts.map((count) => Math.min(1, Math.sqrt((threshold * ids.length) / Math.max(count, 1))))
}
