import { z } from 'zod'
import type { Random } from '../../../core/random.ts'
import { multiplyDims } from '../../../graph/dim.ts'
import { mul } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { crossEntropy } from '../../../graph/ops/softmax.ts'
import { requireSentinel } from './cloze.ts'
import type { Objective, ObjectiveSetting } from './objective.ts'

export const spanCorruptionConfig = z.strictObject({
  kind: z.literal('span_corruption'),
  weight: z.number().positive().default(1),
  density: z.number().gt(0).lt(1).default(0.15).describe('The share of the tokens that are removed.'),
  mean_span: z.number().min(1).default(3).describe('The mean number of tokens of a removed span.'),
})

/**
 * T5's own objective (Raffel et al. 2020, arXiv 1910.10683): replaces spans of tokens by sentinels, and learns to
 * generate each sentinel followed by the tokens of its span.
 */
export function spanCorruption(
  { density, mean_span }: z.infer<typeof spanCorruptionConfig>,
  setting: ObjectiveSetting,
): Objective {
  const { name, model, maxTokens } = setting
  const mostSpans = Math.max(1, Math.round((density * maxTokens) / mean_span))
  const sentinels = Array.from({ length: mostSpans + 1 }, (_, i) => requireSentinel(setting, i))
  const length = Math.round(density * maxTokens) + mostSpans + 1
  return {
    heads: [],
    constants: {},
    corrupt: (ids, random) => removeSpans(ids, { density, mean_span, sentinels }, random),
    count: ({ removed }) => removed.length,
    loss({ context }) {
      if (!model.generation) throw new Error('the model cannot generate')
      const n = multiplyDims('batch', length)
      const losses = crossEntropy(
        reshape(model.generation.logits(context, length), [n, model.vocabSize]),
        reshape(input(`${name}.labels`, 'i32', ['batch', length]), [n]),
      )
      return reduceSum(mul(losses, reshape(input(`${name}.weights`, 'f32', ['batch', length]), [n])))
    },
    inputs(examples, _source, count) {
      const targets = examples.map(({ removed }) =>
        Array.from({ length }, (_, i) => (i < removed.length ? removed[i] : model.padTokenId)),
      )
      const weights = new Float32Array(examples.length * length)
      for (const [i, { removed }] of examples.entries())
        weights.fill(1 / count, i * length, i * length + Math.min(removed.length, length))
      const feeds = { [`${name}.labels`]: Int32Array.from(targets.flat()), [`${name}.weights`]: weights }
      return { feeds: { ...feeds, ...model.generation?.inputs(targets) }, symbols: {} }
    },
  }
}

/** Replaces spans by sentinels. The spans and the gaps between them have random lengths of a given sum. */
function removeSpans(
  ids: Int32Array,
  { density, mean_span, sentinels }: { density: number; mean_span: number; sentinels: readonly number[] },
  random: Random,
): { ids: Int32Array; removed: readonly number[] } {
  const noise = Math.min(ids.length - 1, Math.max(1, Math.round(density * ids.length)))
  const spans = Math.min(noise, ids.length - noise, sentinels.length - 1, Math.max(1, Math.round(noise / mean_span)))
  if (spans < 1) return { ids, removed: [] }
  const [gaps, lengths] = [splitAtRandom(ids.length - noise, spans, random), splitAtRandom(noise, spans, random)]
  const [kept, removed]: [number[], number[]] = [[], []]
  let at = 0
  for (let i = 0; i < spans; i++) {
    kept.push(...ids.subarray(at, at + gaps[i]), sentinels[i])
    at += gaps[i]
    removed.push(sentinels[i], ...ids.subarray(at, at + lengths[i]))
    at += lengths[i]
  }
  return { ids: Int32Array.from(kept), removed: [...removed, sentinels[spans]] }
}

/** Divides a number into positive parts; each division is equally likely. */
function splitAtRandom(total: number, parts: number, random: Random): number[] {
  const cuts = random.shuffle(Array.from({ length: total - 1 }, (_, i) => i + 1)).slice(0, parts - 1)
  const ends = [...cuts.sort((a, b) => a - b), total]
  return ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1]))
}
