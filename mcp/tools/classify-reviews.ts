import { z } from 'zod'
import { GraftError } from '../../core/errors.ts'
import { answeredBy, type ClassifyAnswer, classifyRequest, prediction } from '../../platform/schemas/classify.ts'
import { only, problem } from '../../platform/schemas/common.ts'
import { parse } from '../../platform/schemas/parse.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { detail, fitting } from '../summary.ts'
import { READS, tool } from '../tool.ts'

const { inputs, adapter, adapters } = classifyRequest.shape

const answer = z.strictObject({ ...prediction.shape, error: problem.partial(), ...answeredBy.shape }).partial()

export const classifyReviews = tool({
  name: 'classify_reviews',
  title: 'Classify reviews',
  description:
    'Labels texts with an adapter, or with several to see where they differ. A text that cannot be classified fails alone: its result is an error. Each result stands where its review stood.',
  input: only({ reviews: inputs, adapter, adapters, detail }),
  output: z.strictObject({
    results: z
      .array(z.union([answer, z.array(answer)]))
      .describe('one for each review, in their order; with adapters, a list for each, in the order of the adapters'),
    ...answeredBy.partial().shape,
    adapters: z.array(answeredBy).optional(),
    left_out: z.int().optional().describe('reviews at the end whose results did not fit: ask again for those'),
  }),
  scope: 'predict',
  annotations: READS,
  example: { reviews: ['A joy from start to finish.', 'Two hours I want back.'], adapter: 'film-lora' },
  async run(platform, { detail, reviews, ...rest }, { signal, noteRows }) {
    const answered = await inReviews(async () => {
      const request = parse(classifyRequest, { inputs: reviews, ...rest }, 'the arguments', 'Fix this argument.')
      return classify(platform, request, signal)
    })
    const { results: all, ...by } = answered
    noteRows(all.flat().length)
    const shown = all.map((result) => each(result, (one) => (detail === 'full' ? inReview(one) : brief(one))))
    const results = detail === 'full' ? shown : fitting(shown)
    const leftOut = all.length - results.length
    return {
      structured: { results, ...by, ...(leftOut > 0 && { left_out: leftOut }) },
      text: `${tally(all.flat())}${leftOut > 0 ? ` The results of the last ${leftOut} reviews did not fit: ask again with those.` : ''}`,
    }
  },
})

type Result = Exclude<ClassifyAnswer['results'][number], unknown[]>

const each = <T>(result: Result | Result[], make: (one: Result) => T): T | T[] =>
  Array.isArray(result) ? result.map(make) : make(result)

function brief(result: Result) {
  const named = 'adapter' in result && { adapter: result.adapter }
  if ('error' in result) {
    const { code, detail, fix } = inReview(result).error
    return { error: { code, detail, fix }, ...named }
  }
  const { label, score, truncated } = result
  return { label, score: Math.round(score * 1e4) / 1e4, ...(truncated && { truncated }), ...named }
}

function tally(results: readonly Result[]): string {
  const counts = new Map<string, number>()
  for (const result of results) {
    const label = 'error' in result ? 'failed' : result.label
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return `${[...counts].map(([label, count]) => `${count} ${label}`).join(', ')}.`
}

/** The use case calls them inputs, as HTTP does. */
const named = (subject: string): string => subject.replace(/^inputs\b/, 'reviews')

function inReview<T extends Result>(result: T): T {
  if (!('error' in result)) return result
  const { error } = result
  return {
    ...result,
    error: { ...error, subject: named(error.subject), detail: named(error.detail) },
  }
}

async function inReviews<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    throw new GraftError(error.code, { ...error.detail, subject: named(error.detail.subject) }, error)
  }
}
