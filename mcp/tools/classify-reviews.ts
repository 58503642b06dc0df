import { z } from 'zod'
import { GraftError } from '../../core/errors.ts'
import {
  answeredBy,
  type ClassifyAnswer,
  classifyRequest,
  MAX_INPUTS,
  prediction,
} from '../../platform/schemas/classify.ts'
import { exactObject, problem } from '../../platform/schemas/common.ts'
import { parse } from '../../platform/schemas/parse.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { detail, takeFitting } from '../summary.ts'
import { defineTool, READ_ONLY } from '../tool.ts'

const { inputs, adapter, adapters } = classifyRequest.shape

const result = z.strictObject({ ...prediction.shape, error: problem.partial(), ...answeredBy.shape }).partial()

export const classifyReviews = defineTool({
  name: 'classify_reviews',
  title: 'Classify reviews',
  description: `Label 1 to ${MAX_INPUTS} reviews with one adapter, or with several adapters to see where they differ. Results are in the order of the reviews. If a review cannot be classified, only its own result is an error.`,
  input: exactObject({ reviews: inputs, adapter, adapters, detail }),
  output: z.strictObject({
    results: z
      .array(z.union([result, z.array(result)]))
      .describe('One per review, in their order. With adapters: a list per review, in the order of adapters.'),
    ...answeredBy.partial().shape,
    adapters: z.array(answeredBy).optional(),
    left_out: z
      .int()
      .optional()
      .describe('Number of reviews at the end whose results did not fit. Call again with those reviews.'),
  }),
  scope: 'predict',
  annotations: READ_ONLY,
  example: { reviews: ['A joy from start to finish.', 'Two hours I want back.'], adapter: 'film-lora' },
  async run(platform, { detail, reviews, ...rest }, { signal, recordRows }) {
    const { results: all, ...answeredBy } = await withRenamedInputs(async () => {
      const request = parse(classifyRequest, { inputs: reviews, ...rest }, 'the arguments', 'Fix this argument.')
      return classify(platform, request, signal)
    })
    recordRows(all.flat().length)
    const toDetail = (result: Result) => (detail === 'full' ? renameInError(result) : summarizeResult(result))
    const detailed = all.map((result) => mapResult(result, toDetail))
    const results = detail === 'full' ? detailed : takeFitting(detailed)
    const leftOut = all.length - results.length
    return {
      structured: { results, ...answeredBy, ...(leftOut > 0 && { left_out: leftOut }) },
      text: `${countLabels(all.flat())}${leftOut > 0 ? ` The results of the last ${leftOut} reviews did not fit. Call again with those reviews.` : ''}`,
    }
  },
})

type Result = Exclude<ClassifyAnswer['results'][number], unknown[]>

const mapResult = <T>(result: Result | Result[], map: (result: Result) => T): T | T[] =>
  Array.isArray(result) ? result.map(map) : map(result)

function summarizeResult(result: Result) {
  const adapter = 'adapter' in result && { adapter: result.adapter }
  if ('error' in result) {
    const { code, detail, fix } = renameInError(result).error
    return { error: { code, detail, fix }, ...adapter }
  }
  const { label, score, truncated } = result
  return { label, score: Math.round(score * 1e4) / 1e4, ...(truncated && { truncated }), ...adapter }
}

function countLabels(results: readonly Result[]): string {
  const counts = new Map<string, number>()
  for (const result of results) {
    const label = 'error' in result ? 'failed' : result.label
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return `${[...counts].map(([label, count]) => `${count} ${label}`).join(', ')}.`
}

/** Renames the use case's `inputs` to the tool's `reviews`. */
const renameInputs = (subject: string): string => subject.replace(/^inputs\b/, 'reviews')

function renameInError<T extends Result>(result: T): T {
  if (!('error' in result)) return result
  const { error } = result
  return {
    ...result,
    error: { ...error, subject: renameInputs(error.subject), detail: renameInputs(error.detail) },
  }
}

async function withRenamedInputs<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    throw new GraftError(error.code, { ...error.detail, subject: renameInputs(error.detail.subject) }, error)
  }
}
