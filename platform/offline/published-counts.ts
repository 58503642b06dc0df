import type { Model } from '../../model/architecture.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { countTrainable } from '../../model/parameter-count.ts'

/**
 * The rows of the published comparison of parameter-efficient methods, as configurations. The counts are computed from
 * them.
 */
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

/** Returns the rows of the published comparison with their parameter counts on a base. */
export function publishedCounts(model: Model): PublishedCount[] {
  return rows.map(([name, method]) => {
    const { trainable, total, percent } = countTrainable(parseMethod(method), model)
    return { name, trainable, total, percent }
  })
}
