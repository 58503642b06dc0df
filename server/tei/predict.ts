import { z } from 'zod'
import type { AnsweredText } from '../../platform/offline/answer-texts.ts'
import type { Platform } from '../../platform/platform.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { reference } from '../../platform/schemas/common.ts'
import { scoreTexts } from '../../platform/use-cases/score-texts.ts'
import { inHeader, json, type Route, route } from '../route.ts'
import { predictError, predictProblem, predictStatus } from './errors.ts'
import { errorResponse, type PredictResponse, predictRequest, predictResponse } from './schemas.ts'
import { sequencesOf, truncationSideOf } from './sequences.ts'

const query = z.looseObject({ adapter: reference('an adapter').optional() })

const heeded = z.object({
  'x-graft-adapter': reference('an adapter').optional().describe('where the address names none'),
})

/** text-embeddings-inference's `POST /predict`, exactly, so that its clients work; which adapter answers is said beside its contract. */
export const predict = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/predict',
    summary: "Label texts, by text-embeddings-inference's contract",
    description:
      'One text, a pair ["a", "b"], or a batch [["a"], ["b", "c"]]. The only adapter answers, or that which ?adapter= or the header x-graft-adapter names. Unlike in /v1/predictions, one input that cannot be classified fails the request.',
    tag: 'Predictions',
    scope: 'predict',
    query: { schema: query, fix: 'Name one adapter: /predict?adapter=film-lora.' },
    headers: { schema: heeded, fix: 'Name one adapter.' },
    json: {
      schema: predictRequest,
      example: { inputs: 'A joy from start to finish.' },
      fix: 'Send {"inputs": "a text"} or {"inputs": [["a text"], ["another"]]}.',
    },
    answers: {
      200: {
        description: 'The labels from the likeliest on; for a batch such a list for each',
        schema: predictResponse,
        headers: {
          'x-graft-adapter': 'name of the adapter that answered',
          'x-graft-digest': 'SHA-256 of its weights',
          'x-compute-type': 'what computed',
          'x-compute-time': 'milliseconds in all',
          'x-compute-characters': 'characters of the inputs',
          'x-compute-tokens': 'tokens that were read',
          'x-total-time': 'milliseconds in all',
          'x-tokenization-time': 'milliseconds, the mean of the inputs',
          'x-queue-time': 'milliseconds, the mean of the inputs',
          'x-inference-time': 'milliseconds, the mean of the inputs',
        },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid'],
    refusal: { schema: errorResponse, statusOf: predictStatus, respond: predictProblem },
    async handle({ query, headers, body, signal, noteRows }) {
      const started = performance.now()
      const { texts, isBatch, characters } = sequencesOf(body.inputs)
      if (isBatch && texts.length > MAX_INPUTS)
        return predictError(413, `batch size ${texts.length} > maximum allowed batch size ${MAX_INPUTS}`, 'Validation')
      if (texts.includes('')) return predictError(400, 'Input validation error: `inputs` cannot be empty', 'Empty')
      const adapter = query.adapter ?? headers['x-graft-adapter']
      const truncationSide = truncationSideOf(body.truncation_direction)
      const scored = await scoreTexts(platform, { texts, adapter, truncationSide }, signal)
      noteRows(texts.length)
      const answered = allAnswered(scored.results)
      if (answered instanceof Response) return answered
      const tooLong = body.truncate === false ? answered.find(({ truncated }) => truncated) : undefined
      if (tooLong)
        return predictError(
          413,
          `Input validation error: \`inputs\` must have less than ${tooLong.tokens} tokens. Given: ${tooLong.detail.tokens}`,
          'Validation',
        )
      const lists: PredictResponse = answered.map((row) => sorted(body.raw_scores ? row.detail.logits : row.scores))
      return json(isBatch ? lists : lists[0], {
        headers: {
          'x-graft-adapter': inHeader(scored.adapter),
          'x-graft-digest': scored.digest,
          ...metadata(answered, characters, performance.now() - started),
        },
      })
    },
  }),
]

type Answered = Exclude<AnsweredText, { error: unknown }>
type Detailed = Answered & { detail: NonNullable<Answered['detail']> }

/** The first error stands for all. */
function allAnswered(results: readonly AnsweredText[]): Detailed[] | Response {
  const failed = results.find((result) => 'error' in result)
  return failed ? predictProblem(failed.error) : (results as Detailed[])
}

/** From the highest score on; of equal ones the later label first. */
const sorted = (scores: Readonly<Record<string, number>>) =>
  Object.entries(scores)
    .map(([label, score]) => ({ score, label }))
    .sort((a, b) => a.score - b.score)
    .reverse()

function metadata(rows: readonly Detailed[], characters: number, total: number): Record<string, string> {
  const whole = (milliseconds: number) => String(Math.floor(milliseconds))
  const mean = (time: (times: Detailed['detail']['times']) => number) =>
    whole(rows.reduce((sum, { detail }) => sum + time(detail.times), 0) / rows.length)
  return {
    'x-compute-type': 'onnxruntime',
    'x-compute-time': whole(total),
    'x-compute-characters': String(characters),
    'x-compute-tokens': String(rows.reduce((sum, { tokens }) => sum + tokens, 0)),
    'x-total-time': whole(total),
    'x-tokenization-time': mean(({ tokenization }) => tokenization),
    'x-queue-time': mean(({ queue }) => queue),
    'x-inference-time': mean(({ inference }) => inference),
  }
}
