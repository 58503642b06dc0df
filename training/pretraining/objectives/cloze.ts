import { z } from 'zod'
import { fail } from '../../../core/errors.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { firstStepLoss } from './losses.ts'
import type { Objective, ObjectiveSetting } from './objective.ts'
import { wordTokens } from './word-tokens.ts'

export const clozeConfig = z.strictObject({
  kind: z.literal('cloze'),
  weight: z.number().positive().default(1),
  words: z.array(z.string()).min(2).describe('The words that are removed from a segment and predicted.'),
  prompt: z.string().default('it was').describe('The text that follows the segment, before the gap.'),
})

/**
 * Removes judging words, such as "boring", from a segment, appends a prompt with a gap (`it was <extra_id_0>`), and
 * learns at the decoder's first step which words were removed (Schick and Schütze 2021, arXiv 2001.07676). Segments
 * without any of the words have no loss.
 */
export function cloze({ words, prompt }: z.infer<typeof clozeConfig>, setting: ObjectiveSetting): Objective {
  const { name, pretraining, tokenizer, maxTokens } = setting
  const tokens = wordTokens(words, setting)
  const indexOf = new Map([...tokens].map((id, i) => [id, i]))
  const gap = [...tokenizer.wordIds(prompt), requireSentinel(setting, 0)]
  return {
    heads: [],
    constants: { [`${name}.words`]: tokens },
    corrupt(ids) {
      const removed = ids.filter((id) => indexOf.has(id))
      const kept = ids.filter((id) => !indexOf.has(id)).slice(-(maxTokens - gap.length))
      return { ids: Int32Array.from([...kept, ...gap]), removed: [...removed] }
    },
    count: ({ removed }) => (removed.length > 0 ? 1 : 0),
    loss({ context, states }) {
      const chosen = input(`${name}.words`, 'i32', [tokens.length])
      return firstStepLoss(name, pretraining.wordLogits(states(), chosen, context))
    },
    inputs(examples, _source, count) {
      const targets = new Float32Array(examples.length * tokens.length)
      for (const [i, { removed }] of examples.entries())
        for (const id of removed)
          targets[i * tokens.length + (indexOf.get(id) as number)] += 1 / removed.length / Math.max(count, 1)
      return { feeds: { [`${name}.targets`]: targets }, symbols: {} }
    },
  }
}

/** @throws GraftError `base_incomplete` if the vocabulary has no such sentinel */
export function requireSentinel({ tokenizer, base }: Pick<ObjectiveSetting, 'tokenizer' | 'base'>, i: number): number {
  return (
    tokenizer.tokenId(`<extra_id_${i}>`) ??
    fail('base_incomplete', {
      subject: base.dir,
      problem: `has no token <extra_id_${i}>`,
      fix: 'Use a base with sentinels in its vocabulary, as T5 has them.',
    })
  )
}
