import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { expand, reshape, transpose } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Decoder, Model } from '../architecture.ts'
import { type Method, normal, parameter, size } from '../method.ts'

const config = z.strictObject({
  tokens: size.default(10).describe("trained keys and values before those of the decoder's self-attention"),
})

export type PrefixConfig = z.infer<typeof config>

/**
 * Prefix tuning (Li and Liang 2021, arXiv 2101.00190) as PEFT computes it for a model with an encoder: only the
 * decoder's self-attention gets keys and values. A row of the table [tokens, 2 · blocks of the encoder · E] is cut into
 * chunks of E. The decoder's block i reads chunks 4 i and 4 i + 1, modulo their number, because PEFT doubles the rows
 * for cross-attention and then drops that part: in T5-small, half of all chunks have no effect.
 */
export const prefix: Method<PrefixConfig> = {
  name: 'prefix',
  config,
  learningRate: 0.1,
  needsOwnBatch: () => true,
  parameters({ tokens }, model) {
    const { encoderBlocks, heads, headWidth } = decoderOf(model)
    return [parameter('prompt_embeddings', [tokens, 2 * encoderBlocks * heads * headWidth], normal(1))]
  },
  edits({ tokens }, theta, model) {
    const { selfAttentions, heads, headWidth, encoderBlocks } = decoderOf(model)
    const width = heads * headWidth
    const chunk = (table: Tensor, index: number, batch: Tensor): Tensor => {
      const rows = reshape(slice(table, 1, (index % (2 * encoderBlocks)) * width, width), [1, tokens, heads, headWidth])
      return expand(transpose(rows, [0, 2, 1, 3]), [batch.shape[0], heads, tokens, headWidth]) // [B, H, n, D]
    }
    return {
      decoderPrefix: tokens,
      keysAndValues(name, keys, values) {
        const [table, block] = [theta('prompt_embeddings'), selfAttentions.indexOf(name)]
        if (!table || block < 0) return [keys, values]
        return [
          concat([chunk(table, 4 * block, keys), keys], 2),
          concat([chunk(table, 4 * block + 1, values), values], 2),
        ]
      },
    }
  },
}

const decoderOf = ({ decoder }: Model): Decoder =>
  decoder ??
  fail('method_invalid', {
    subject: 'prefix',
    problem: 'changes the decoder, which this base does not have',
    fix: 'Choose another method, or a base such as T5.',
  })
