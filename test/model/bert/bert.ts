import { attention } from '../../../graph/ops/attention.ts'
import { add, div, gelu, mul, scale, sub } from '../../../graph/ops/elementwise.ts'
import { gather } from '../../../graph/ops/gather.ts'
import { iota } from '../../../graph/ops/index-math.ts'
import { input, scalar } from '../../../graph/ops/leaf.ts'
import { rmsNorm } from '../../../graph/ops/normal.ts'
import { reduceSum, reshape, transpose } from '../../../graph/ops/shape.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import type { ModelConfig } from '../../../model/architecture.ts'
import type { Context } from '../../../model/context.ts'
import { addBias, linear } from '../../../model/linear.ts'
import type { SubLayer } from '../../../model/modules.ts'

/** The sizes of a BERT (Devlin et al. 2019, arXiv 1810.04805) with a linear head on the mean of its outputs. */
export interface BertConfig extends ModelConfig {
  readonly architecture: 'bert'
  readonly vocab_size: number
  readonly hidden_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly intermediate_size: number
  readonly max_position_embeddings: number
  readonly num_labels: number
  readonly layer_norm_eps: number
  readonly pad_token_id: number
  readonly cls_token_id: number
  readonly sep_token_id: number
}

type BertContext = Context & { bert: BertConfig }

// #region forward
/** Returns class logits [B, 1, C] for `input_ids` and `attention_mask` [B, S]. */
export function bertLogits(context: BertContext, subLayers: readonly SubLayer[]): Tensor {
  const ids = input('input_ids', 'i32', ['batch', 'source'])
  const words = gather(context.weight('bert.embeddings.word_embeddings.weight'), ids) // [B, S, E]
  const positions = gather(context.weight('bert.embeddings.position_embeddings.weight'), iota('source')) // [S, E]
  const embedded = layerNorm('bert.embeddings.LayerNorm', add(words, positions), context)
  const [source, mask] = context.edits.encoderInput(embedded, input('attention_mask', 'f32', ['batch', 'source']))
  const [b, s, e] = source.shape
  const bias = reshape(scale(sub(mask, scalar(1)), 1e9), [b, 1, 1, s])
  let h = source
  for (const layer of subLayers) {
    const f = layer.kind === 'selfAttention' ? selfAttention(layer, h, bias, context) : feedForward(layer, h, context)
    const norm = layer.output.replace(/dense$/, 'LayerNorm')
    h = layerNorm(norm, add(h, context.edits.output(layer, h, f)), context)
  }
  const seen = reshape(mask, [b, s, 1])
  const mean = div(reduceSum(mul(h, seen), [1], true), reduceSum(seen, [1], true)) // [B, 1, E]
  const head = linear(reshape(mean, [b, 1, e]), context.weight('classifier.weight'))
  return addBias(head, context.weight('classifier.bias'))
}

/** y = W x + b, with the changes of the tuning method. */
function adaptedLinear(name: string, x: Tensor, { weight, edits }: Context): Tensor {
  return edits.linear(name, x, addBias(linear(x, weight(`${name}.weight`)), weight(`${name}.bias`)))
}
// #endregion

function selfAttention({ name, output }: SubLayer, x: Tensor, bias: Tensor, context: BertContext): Tensor {
  const [b, s] = x.shape
  const { num_attention_heads: heads, hidden_size: width } = context.bert
  const [q, k, v] = ['query', 'key', 'value'].map((part) => {
    const y = adaptedLinear(`${name}.self.${part}`, x, context)
    return transpose(reshape(y, [b, s, heads, width / heads]), [0, 2, 1, 3]) // [B, H, S, D]
  })
  const sums = attention(scale(q, (width / heads) ** -0.5), k, v, bias)
  return adaptedLinear(output, reshape(transpose(sums, [0, 2, 1, 3]), [b, s, width]), context)
}

const feedForward = ({ name, output }: SubLayer, x: Tensor, context: BertContext): Tensor =>
  adaptedLinear(output, gelu(adaptedLinear(`${name}.intermediate.dense`, x, context)), context)

/** The root mean square of values around their mean is their standard deviation, so RMS norm gives layer norm. */
function layerNorm(name: string, x: Tensor, { weight, bert }: BertContext): Tensor {
  const mean = scale(reduceSum(x, [2], true), 1 / bert.hidden_size)
  const normed = rmsNorm(sub(x, mean), weight(`${name}.weight`), bert.layer_norm_eps)
  return add(normed, weight(`${name}.bias`))
}
