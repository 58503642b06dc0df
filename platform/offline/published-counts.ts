import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { ledger } from '../../model/parameter-count.ts'
import type { T5Config } from '../../model/t5/config.ts'

/** The rows of the published comparison of parameter-efficient methods, as configurations; the counts are derived. */
const rows: readonly (readonly [string, MethodConfig])[] = [
  ['full fine-tuning', { method: 'full' }],
  ['soft prompt, 10 tokens', { method: 'soft-prompt', tokens: 10 }],
  ['soft prompt, 1 token', { method: 'soft-prompt', tokens: 1 }],
  ['bottleneck adapter (seq_bn), width 8', { method: 'bottleneck', variant: 'seq_bn', bottleneck: 8 }],
  ['bottleneck adapter (seq_bn), width 1', { method: 'bottleneck', variant: 'seq_bn', bottleneck: 1 }],
  ['LoRA on q and v, rank 8', { method: 'lora', rank: 8 }],
  ['LoRA on q and v, rank 1', { method: 'lora', rank: 1 }],
]

export interface PublishedCount {
  name: string
  trainable: number
  total: number
  percent: number
}

export function publishedCounts(t5: T5Config): PublishedCount[] {
  return rows.map(([name, method]) => {
    const { trainable, total, percent } = ledger(parseMethod(method), t5)
    return { name, trainable, total, percent }
  })
}
