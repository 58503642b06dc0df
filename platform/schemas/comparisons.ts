import { z } from 'zod'
import { namedWeights } from './adapters.ts'
import { only, pageOf, pageRequest, problem, reference, timestamp, uuid } from './common.ts'
import { workStatuses } from './statuses.ts'

/** Adapters in one comparison: of so many pairs, 28, each has to be so much clearer. */
export const MAX_COMPARED = 8

export const comparisonRequest = only({
  adapters: z
    .array(reference('an adapter'), { error: 'a list of ids or names of adapters' })
    .min(2, 'two adapters at least')
    .max(MAX_COMPARED, `at most ${MAX_COMPARED} adapters`)
    .describe('each is compared with each; where there is one in use, name it first'),
  dataset: reference('a data set').describe('reviews with labels that all of them know, on which none was trained'),
})
export type ComparisonRequest = z.infer<typeof comparisonRequest>

const share = z.number().min(0).max(1)
const accuracy = share.describe('share of the reviews that it has right')
const wilson = z.tuple([share, share]).describe('95 % Wilson score interval of the accuracy')
const difference = z.number().min(-1).max(1)
const label = z.string()
const smallestDetectable = share
  .nullable()
  .describe('the smallest difference that four of five test sets of this size would show; null where none would')

const adapterResult = z.strictObject({
  name: z.string(),
  n: z.int(),
  accuracy,
  interval: wilson,
  f1: share.describe('macro F1'),
  ece: share.describe('expected calibration error, 15 bins'),
})

const pairResult = z.strictObject({
  a: z.string(),
  b: z.string(),
  difference: difference.describe('accuracy of b less that of a'),
  interval: z.tuple([difference, difference]).describe('95 % percentile interval of the paired bootstrap'),
  wins: z.int().describe('reviews that b has right and a wrong'),
  losses: z.int().describe('reviews that a has right and b wrong'),
  mcnemar_p: share.describe('exact and two-sided'),
  adjusted_p: share.describe('by Holm over all pairs'),
  better: z.string().nullable().describe('which is better, where adjusted_p is below 0.05'),
  smallest_detectable: smallestDetectable,
  verdict: z.string(),
})

const slice = z.strictObject({
  by: z.enum(['length', 'label']),
  name: z.string(),
  n: z.int(),
  adapters: z.array(z.strictObject({ accuracy, interval: wilson })).describe('in the order of the adapters'),
})

const flip = z.strictObject({
  id: z.string().describe('of the review; its line where it has none'),
  row: z.int().describe('its place among the reviews, from 1'),
  label: label.describe('the true one'),
  text: z.string().describe('its beginning'),
  answers: z
    .array(z.strictObject({ label, probability: share, right: z.boolean() }))
    .describe('in the order of the adapters'),
})

const comparisonResult = z.strictObject({
  n: z.int().describe('reviews'),
  adapters: z.array(adapterResult),
  pairs: z.array(pairResult).describe('each with each; a difference is positive where b is better'),
  slices: z.array(slice).describe('by length and by label; nothing is tested there'),
  disagreements: z.int().describe('reviews that were not answered alike by all'),
  flipped: z.array(flip).describe('of those at most 50, the surest contradictions first'),
  smallest_detectable: smallestDetectable.describe('the largest of the pairs’'),
  verdict: z.string().describe('what these numbers allow to be said'),
})

export const comparison = z.strictObject({
  id: uuid,
  status: z.enum(workStatuses),
  adapters: z.array(namedWeights).describe('as they were when the comparison was asked for'),
  dataset: uuid,
  result: comparisonResult.optional(),
  error: problem.optional(),
  created_at: timestamp,
  finished_at: timestamp.optional(),
})
export type Comparison = z.infer<typeof comparison>

const comparisonSummary = comparison
  .omit({ result: true })
  .extend({ verdict: comparisonResult.shape.verdict.optional() })
export type ComparisonSummary = z.infer<typeof comparisonSummary>

export const comparisonList = pageOf(comparisonSummary)
export type ComparisonList = z.infer<typeof comparisonList>

export const comparisonQuery = pageRequest
export type ComparisonQuery = z.infer<typeof comparisonQuery>
