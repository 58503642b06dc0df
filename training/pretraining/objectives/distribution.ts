import { z } from 'zod'
import { fail } from '../../../core/errors.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { firstStepLoss } from './losses.ts'
import type { Objective, ObjectiveSetting } from './objective.ts'
import { meansOfRows, requireTargets } from './regression.ts'
import { wordTokens } from './word-tokens.ts'

export const distributionConfig = z.strictObject({
  kind: z.literal('distribution'),
  weight: z.number().positive().default(1),
  target: z.string().describe('The name of the distributions in the corpus, one for each row.'),
  words: z.array(z.string()).min(2).describe('The words that a distribution is over, in its order.'),
})

/**
 * Learns how likely each of some words is at the decoder's first step, from distributions that another model gave. A
 * segment of several rows learns their mean.
 */
export function distribution(
  { target, words }: z.infer<typeof distributionConfig>,
  setting: ObjectiveSetting,
): Objective {
  const { name, corpus, path, pretraining } = setting
  const { width, data } = requireTargets(corpus, target, 'row', path)
  if (width !== words.length)
    fail('data_format', {
      subject: `${path}, row.${target}`,
      expected: `distributions over ${words.length} words`,
      found: `over ${width}`,
      fix: 'List the words for which the corpus was prepared.',
    })
  return {
    heads: [],
    constants: { [`${name}.words`]: wordTokens(words, setting) },
    count: () => 1,
    loss({ context, states }) {
      const chosen = input(`${name}.words`, 'i32', [width])
      return firstStepLoss(name, pretraining.wordLogits(states(), chosen, context))
    },
    inputs(examples, _source, count) {
      const targets = meansOfRows(examples, data, width)
      for (let i = 0; i < targets.length; i++) targets[i] /= count
      return { feeds: { [`${name}.targets`]: targets }, symbols: {} }
    },
  }
}
