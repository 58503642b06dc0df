import { input } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { concat } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { BlockCache, EncoderDecoder, KeysAndValues } from '../architecture.ts'
import type { Context } from '../context.ts'
import { attend, crossKeysAndValues, keysAndValues, prefixed } from './attention.ts'
import type { T5Config } from './config.ts'
import type { T5Context } from './context.ts'
import { decode, encode, logits, maskBiasOf } from './t5.ts'

/**
 * Returns T5 as two parts that run one after the other. Cross-attention keeps its keys and values, because a generated
 * text reads them at each step. They are not worth computing for a single step; see `absorbedCrossAttention`.
 */
export const encoderDecoder = (config: T5Config): EncoderDecoder => ({
  startTokenId: config.decoderStartTokenId,
  encode: (context, ids, mask) => encode(ids, mask, within(config, context)).encoder,
  decode(context, { ids, mask, states, past }) {
    const t5 = within(config, context)
    const bias = crossBias(mask, t5)
    const own: KeysAndValues[] = []
    const cross: KeysAndValues[] = []
    const decoder = decode(
      ids,
      {
        past: past?.[0].decoder.key.shape[2] ?? 0,
        self(name, x, selfBias) {
          own.push(append(past?.[own.length].decoder, keysAndValues(name, x, t5)))
          return attend(name, x, prefixed(name, own[own.length - 1], t5), selfBias, t5)
        },
        cross(name, x) {
          cross.push(past?.[cross.length].encoder ?? crossKeysAndValues(name, states, t5))
          return attend(name, x, cross[cross.length - 1], bias, t5)
        },
      },
      t5,
    )
    const cache = own.map((block, i): BlockCache => ({ decoder: block, encoder: cross[i] }))
    return { logits: logits(decoder, t5), cache }
  },
})

const within = (t5: T5Config, context: Context): T5Context => ({ ...context, t5 })

/** Returns the bias [B, 1, 1, n + S] of cross-attention, with the positions that the method adds to the source. */
function crossBias(mask: Tensor, { edits, t5 }: T5Context): Tensor {
  // Only the mask is used, so this input is not part of the program.
  const [, widened] = edits.encoderInput(input('inputs_embeds', 'f32', [...mask.shape, t5.dModel]), mask)
  const [b, s] = widened.shape
  return reshape(maskBiasOf(widened), [b, 1, 1, s])
}

const append = (past: KeysAndValues | undefined, { key, value }: KeysAndValues): KeysAndValues =>
  past ? { key: concat([past.key, key], 2), value: concat([past.value, value], 2) } : { key, value }
