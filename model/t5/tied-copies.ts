import type { FileTensor } from '../tensor-shapes.ts'
import { parseT5Config, type T5Config } from './config.ts'

/** Earlier versions of transformers wrote this tensor for every T5, but never used it. */
const UNUSED = 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'

/**
 * Reads a `config.json` and removes the tensors that a file may hold in addition to the model's own: one that is never
 * used, and copies that equal the embedding. A head that equals the embedding is such a copy if decoder outputs are
 * scaled: then it is T5's tied head, which trains as a single matrix. Without values, tensors of one shape count as
 * equal.
 */
export function parseWithTensors(json: unknown, tensors: Map<string, FileTensor>, subject: string): T5Config {
  const t5 = parseT5Config(json, tensors.has('lm_head.weight'), subject)
  if (tensors.get(UNUSED)?.shape.join() === [t5.relativeAttentionNumBuckets, t5.numHeads].join()) tensors.delete(UNUSED)
  const shared =
    tensors.get('shared.weight') ??
    tensors.get('encoder.embed_tokens.weight') ??
    tensors.get('decoder.embed_tokens.weight')
  if (!shared) return t5
  tensors.set('shared.weight', shared)
  const copies = [
    'encoder.embed_tokens.weight',
    'decoder.embed_tokens.weight',
    ...(t5.scaleDecoderOutputs ? ['lm_head.weight'] : []),
  ]
  for (const name of copies) if (equal(tensors.get(name), shared)) tensors.delete(name)
  return { ...t5, lmHead: tensors.has('lm_head.weight') }
}

function equal(a: FileTensor | undefined, b: FileTensor): boolean {
  return a !== undefined && a.shape.join() === b.shape.join() && bytesOf(a).equals(bytesOf(b))
}

const bytesOf = ({ data }: FileTensor): Buffer =>
  data ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.alloc(0)
