import { z } from 'zod'
import type { ErrorCode } from '../../core/catalogue.ts'
import { type ErrorDetail, fail, mapTexts } from '../../core/errors.ts'
import { type ClassifyResult, classifyRequest, countCharacters, countTexts } from '../../platform/schemas/classify.ts'
import { exactObject, type Problem, text } from '../../platform/schemas/common.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { detail } from '../summary.ts'
import { defineTool, READ_ONLY } from '../tool.ts'
import { object } from './results.ts'

/** The words of a summary: those that contribute most. */
const SUMMARY_WORDS = 20
/** The words that a sentence names for each label. */
const NAMED_WORDS = 3

export const explainReview = defineTool({
  name: 'explain_review',
  title: 'Explain a prediction',
  description: `Label one review and show what each word contributes to the difference, in logits, between the predicted label and the next one: positive values speak for the label. Costs as much as about a hundred classify_reviews. The summary has the ${SUMMARY_WORDS} largest contributions.`,
  input: exactObject({ review: text, adapter: classifyRequest.shape.adapter, detail }),
  output: z.object({ label: z.string(), score: z.number(), explanation: object }),
  scope: 'predict',
  annotations: READ_ONLY,
  example: { review: 'A joy from start to finish.', adapter: 'film' },
  async run(platform, { detail, review, adapter }, { signal, caller, admitTexts, recordRows }) {
    const request = { inputs: [review], adapter, explain: true }
    admitTexts(countTexts(request), countCharacters(request))
    const { results, ...answeredBy } = await classify(platform, request, signal, caller)
    recordRows(1)
    const result = results[0] as ClassifyResult
    if ('error' in result) throwRowError(result.error)
    const { explanation, ...prediction } = result
    if (!explanation) throw new Error('the prediction has no explanation')
    const strongest = explanation.words.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
    const words = detail === 'full' ? explanation.words : strongest.slice(0, SUMMARY_WORDS).map(shorten)
    const leftOut = explanation.words.length - words.length
    const named = (sign: number) =>
      strongest
        .filter(({ contribution }) => sign * contribution > 0)
        .slice(0, NAMED_WORDS)
        .map(({ text }) => JSON.stringify(abbreviate(text)))
        .join(', ') || 'none'
    return {
      structured: {
        ...prediction,
        explanation: { ...explanation, words },
        ...(leftOut > 0 && { left_out: leftOut }),
        ...answeredBy,
      },
      summary: `${prediction.label}, with a probability of ${prediction.score.toFixed(4)}. The words that speak most for it: ${named(1)}. Against it: ${named(-1)}.`,
    }
  },
})

/** A text without spaces can be one long word. */
const MAX_WORD_CHARS = 60

const abbreviate = (text: string): string =>
  text.length > MAX_WORD_CHARS ? `${text.slice(0, MAX_WORD_CHARS - 1).toWellFormed()}…` : text

const shorten = <T extends { text: string; contribution: number }>(word: T): T => ({
  ...word,
  text: abbreviate(word.text),
  contribution: Number(word.contribution.toPrecision(4)),
})

/** Throws the error of the only text under the tool's name of it. */
function throwRowError({ code, type: _, title: __, status: ___, detail: ____, ...rest }: Problem): never {
  return fail(
    code as ErrorCode,
    mapTexts(rest as ErrorDetail, (one) => one.replace(/^inputs\[0\]/, 'review')),
  )
}
