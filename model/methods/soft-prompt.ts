import { z } from 'zod'
import { constant } from '../../graph/ops/leaf.ts'
import { expand, reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import { rank } from '../../graph/types.ts'
import { type Method, normal, parameter, size } from '../method.ts'
import { sizeOfShape } from '../tensor-shapes.ts'

const config = z.strictObject({
  tokens: size.default(10).describe('trained rows in front of the embedded text'),
  init: z
    .enum(['vocabulary', 'normal'])
    .default('vocabulary')
    .describe('initial values: rows of the vocabulary, or N(0, 1)'),
  submodules: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe("PEFT's num_transformer_submodules; with 2, an unused second half is stored as PEFT stores it"),
})

export type SoftPromptConfig = z.infer<typeof config>

/** Prompt tuning (Lester et al. 2021, arXiv 2104.08691): trained rows in front of the encoder's embedded input. */
export const softPrompt: Method<SoftPromptConfig> = {
  name: 'soft-prompt',
  config,
  learningRate: 0.2,
  virtualTokens: ({ tokens }) => tokens,
  parameters: ({ tokens, init, submodules }, { width, vocabSize, embedding }) => [
    parameter('prompt_embeddings', [tokens * submodules, width], (shape, random, base) => {
      if (init === 'normal') return normal(1)(shape, random, base)
      const vocabulary = base(embedding)
      const values = new Float32Array(sizeOfShape(shape))
      for (let row = 0; row < shape[0]; row++) {
        const from = random.integer(vocabSize) * width
        values.set(vocabulary.subarray(from, from + width), row * width)
      }
      return values
    }),
  ],
  edits: ({ tokens }, theta, { width }) => ({
    encoderInput: (x, mask) => {
      const table = theta('prompt_embeddings')
      if (!table) return [x, mask]
      const [b] = x.shape
      const rows = slice(table, rank(table) - 2, 0, tokens)
      const prompt = rank(table) === 2 ? expand(reshape(rows, [1, tokens, width]), [b, tokens, width]) : rows
      const seen = expand(constant([1], [1, 1]), [b, tokens])
      return [concat([prompt, x], 1), concat([seen, mask], 1)] // [B, n + S, E], [B, n + S]
    },
  }),
}
