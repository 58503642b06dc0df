import { z } from 'zod'
import { constant } from '../../graph/ops/leaf.ts'
import { expand, reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import { rank } from '../../graph/types.ts'
import { ACTIVE, type Method, normal, parameter, size } from '../method.ts'
import { sizeOfShape } from '../t5/tensors.ts'

const config = z.strictObject({
  tokens: size.default(10).describe('rows put before the embedded text'),
  init: z
    .enum(['vocabulary', 'normal'])
    .default('vocabulary')
    .describe('start from rows of the vocabulary, or from N(0, 1)'),
  submodules: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe("PEFT's num_transformer_submodules; with 2, a second, unused half is kept as PEFT keeps it"),
})

export type SoftPromptConfig = z.infer<typeof config>

/** Prompt tuning (Lester et al. 2021, arXiv 2104.08691): trained rows before the encoder's embedded input. */
export const softPrompt: Method<SoftPromptConfig> = {
  name: 'soft-prompt',
  config,
  learningRate: 0.2,
  parameters: ({ tokens, init, submodules }, { dModel, vocabSize }) => [
    parameter('prompt_embeddings', [tokens * submodules, dModel], (shape, random, base) => {
      if (init === 'normal') return normal(1)(shape, random, base)
      const vocabulary = base('shared.weight')
      const values = new Float32Array(sizeOfShape(shape))
      for (let row = 0; row < shape[0]; row++) {
        const from = random.integer(vocabSize) * dModel
        values.set(vocabulary.subarray(from, from + dModel), row * dModel)
      }
      return values
    }),
  ],
  edits: ({ tokens }, theta, { dModel }) => ({
    encoderInput: (x, mask) => {
      const table = theta('prompt_embeddings')
      if (!table) return [x, mask]
      const [b] = x.shape
      const rows = slice(table, rank(table) - 2, 0, tokens)
      const prompt = rank(table) === 2 ? expand(reshape(rows, [1, tokens, dModel]), [b, tokens, dModel]) : rows
      const seen = expand(theta(ACTIVE) ?? constant([1], [1, 1]), [b, tokens])
      return [concat([prompt, x], 1), concat([seen, mask], 1)] // [B, n + S, E], [B, n + S]
    },
  }),
}
