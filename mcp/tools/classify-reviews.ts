import { z } from 'zod'
import { GraftError } from '../../core/errors.ts'
import {
  type ClassifyAnswer,
  classifyRequest,
  countCharacters,
  countTexts,
  MAX_INPUTS,
} from '../../platform/schemas/classify.ts'
import { exactObject } from '../../platform/schemas/common.ts'
import { parse } from '../../platform/schemas/parse.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { detail, takeFitting } from '../summary.ts'
import { defineTool, READ_ONLY } from '../tool.ts'

const { inputs, adapter, adapters } = classifyRequest.shape

export const classifyReviews = defineTool({
  name: 'classify_reviews',
  title: 'Classify reviews',
  description: `Label 1 to ${MAX_INPUTS} reviews with one adapter, or with several adapters to see where they differ. Results are in the order of the reviews; with adapters, each is a list in the order of adapters. If a review cannot be classified, only its own result is an error.`,
  input: exactObject({ reviews: inputs, adapter, adapters, detail }),
  output: z.object({ results: z.array(z.unknown()) }),
  scope: 'predict',
  annotations: READ_ONLY,
  example: { reviews: ['A joy from start to finish.', 'Two hours I want back.'], adapter: 'film-lora' },
  async run(platform, { detail, reviews, ...rest }, { signal, caller, admitTexts, recordRows }) {
    const { results: all, ...answeredBy } = await withRenamedInputs(async () => {
      const request = parse(classifyRequest, { inputs: reviews, ...rest }, 'the arguments', 'Fix this argument.')
      admitTexts(countTexts(request), countCharacters(request))
      return classify(platform, request, signal, caller)
    })
    recordRows(all.flat().length)
    const toDetail = (result: Result) => (detail === 'full' ? renameInError(result) : summarizeResult(result))
    const detailed = all.map((result) => mapResult(result, toDetail))
    const results = detail === 'full' ? detailed : takeFitting(detailed)
    const leftOut = all.length - results.length
    return {
      structured: { results, ...answeredBy, ...(leftOut > 0 && { left_out: leftOut }) },
      summary: `${countLabels(all.flat())}${leftOut > 0 ? ` The results of the last ${leftOut} reviews did not fit. Call again with those reviews.` : ''}`,
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
  const { label, score, truncated, warning } = result
  return {
    label,
    score: Math.round(score * 1e4) / 1e4,
    ...(truncated && { truncated }),
    ...(warning !== undefined && { warning }),
    ...adapter,
  }
}

function countLabels(results: readonly Result[]): string {
  const counts = new Map<string, number>()
  for (const result of results) {
    const label = 'error' in result ? 'failed' : result.label
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  const unknown = results.filter((result) => 'warning' in result).length
  return `${[...counts].map(([label, count]) => `${count} ${label}`).join(', ')}.${unknown > 0 ? ` Warning: most of the text of ${unknown} results is unknown to the base. Do not trust their labels.` : ''}`
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
