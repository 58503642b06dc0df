import { z } from 'zod'
import { adapterSnapshot } from './adapters.ts'
import { exactObject, idOrName, pageOf, pageRequest, problem, timestamp, uuid } from './common.ts'
import { comparedPipeline, pipelineRequest } from './pipelines.ts'
import { shortWorkStatuses } from './statuses.ts'

/**
 * The maximum number of adapters and pipelines in a comparison. Eight make 28 pairs, and the more pairs there are, the
 * clearer each difference must be.
 */
export const MAX_COMPARED = 8

export const comparisonRequest = exactObject({
  adapters: z
    .array(idOrName('an adapter'), { error: 'a list of adapter ids or names' })
    .min(1, 'at least one adapter')
    .max(MAX_COMPARED, `at most ${MAX_COMPARED} adapters`)
    .describe(
      `The adapters to compare with each other: at least two, or one with a pipeline. Put the adapter in use first.`,
    ),
  pipelines: z
    .array(pipelineRequest, { error: 'a list of pipelines' })
    .max(MAX_COMPARED - 1, `at most ${MAX_COMPARED - 1} pipelines`)
    .optional()
    .describe(
      `Text classifiers of transformers.js on the hub to compare the adapters with. At most ${MAX_COMPARED} in all, adapters included. Only for servers that allow pipelines. Defaults to none.`,
    ),
  dataset: idOrName('a data set').describe(
    'Labeled reviews that no adapter was trained on. Every adapter must know all of their labels.',
  ),
})
export type ComparisonRequest = z.infer<typeof comparisonRequest>

const share = z.number().min(0).max(1)
const accuracy = share.describe('The share of the reviews that the adapter classifies correctly.')
const wilson = z.tuple([share, share]).describe('The 95 % Wilson score interval of the accuracy.')
const difference = z.number().min(-1).max(1)
const label = z.string()
const smallestDetectable = share
  .nullable()
  .describe(
    'The smallest difference that four of five test sets of this size would detect. Null if none can be detected.',
  )

const calibrationBin = z.strictObject({
  low: share.describe('The probabilities of the bin are above this.'),
  high: share.describe('The largest probability of the bin.'),
  n: z.int().describe('The number of predictions.'),
  confidence: share.describe('The mean probability of the predicted labels.'),
  accuracy: share.describe('The share of the predictions that are right.'),
  interval: wilson,
})

const adapterResult = z.strictObject({
  name: z.string(),
  n: z.int(),
  accuracy,
  interval: wilson,
  f1: share.describe('Macro F1.'),
  ece: share.describe('The expected calibration error, with 15 bins.'),
  revision: z.string().optional().describe('The commit of the repository, for a pipeline of the hub.'),
  bins: z
    .array(calibrationBin)
    .describe('The bins of the calibration error that are not empty: predictions by the probability of their label.'),
  trainable: z.int().optional().describe('The number of trained parameters. Not set for a pipeline.'),
})

const pairResult = z.strictObject({
  a: z.string(),
  b: z.string(),
  difference: difference.describe('The accuracy of b minus that of a.'),
  interval: z.tuple([difference, difference]).describe('The 95 % percentile interval of the paired bootstrap.'),
  wins: z.int().describe('The number of reviews that only b classifies correctly.'),
  losses: z.int().describe('The number of reviews that only a classifies correctly.'),
  mcnemar_p: share.describe('The exact, two-sided p-value.'),
  adjusted_p: share.describe('The p-value with Holm’s correction over all pairs.'),
  better: z.string().nullable().describe('The better adapter. Null if adjusted_p is 0.05 or more.'),
  smallest_detectable: smallestDetectable,
  verdict: z.string(),
})

const slice = z.strictObject({
  by: z.enum(['length', 'label']),
  name: z.string(),
  n: z.int(),
  adapters: z.array(z.strictObject({ accuracy, interval: wilson })).describe('In the order of the adapters.'),
})

const flip = z.strictObject({
  id: z.string().describe('The id of the review, or its line if it has no id.'),
  row: z.int().describe('The position of the review in the data set, from 1.'),
  label: label.describe('The true label.'),
  text: z.string().describe('The beginning of the text.'),
  answers: z
    .array(z.strictObject({ label, probability: share, right: z.boolean() }))
    .describe('In the order of the adapters.'),
})

const comparisonResult = z.strictObject({
  n: z.int().describe('The number of reviews.'),
  adapters: z.array(adapterResult).describe('The adapters, and then the pipelines, in the order of the request.'),
  pairs: z.array(pairResult).describe('Every pair of adapters. A positive difference means that b is better.'),
  slices: z.array(slice).describe('The accuracy by length and by label, without tests of significance.'),
  disagreements: z.int().describe('The number of reviews on which the adapters disagree.'),
  flipped: z
    .array(flip)
    .describe('Up to 50 of the reviews on which the adapters disagree, the most confident contradictions first.'),
  smallest_detectable: smallestDetectable.describe('The largest value among the pairs.'),
  verdict: z.string().describe('The conclusion that these numbers support.'),
})

export const comparison = z.strictObject({
  id: uuid,
  status: z.enum(shortWorkStatuses),
  adapters: z.array(adapterSnapshot).describe('The adapters as they were when the comparison was requested.'),
  pipelines: z.array(comparedPipeline).describe('The pipelines that they are compared with. Often empty.'),
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
