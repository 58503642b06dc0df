import { z } from 'zod'
import type { RowResult } from '../../platform/offline/classify-rows.ts'
import type { Platform } from '../../platform/platform.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { idOrName } from '../../platform/schemas/common.ts'
import { scoreTexts } from '../../platform/use-cases/score-texts.ts'
import { json, type Route, route, toHeaderValue } from '../route.ts'
import { teiErrorResponse, teiStatusOf, toTeiResponse } from './errors.ts'
import { errorResponse, type PredictResponse, predictRequest, predictResponse } from './schemas.ts'
import { sequencesOf, truncationSideOf } from './sequences.ts'

const query = z.looseObject({ adapter: idOrName('an adapter').optional() })

const headers = z.object({
  'x-graft-adapter': idOrName('an adapter').optional().describe('Id or name of the adapter, if the query has none.'),
})

/**
 * Returns the route of text-embeddings-inference's `POST /predict`, with exactly its contract, so that its clients
 * work. The adapter is chosen outside that contract, by the query or a header.
 */
export const predictRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/predict',
    summary: 'Classify texts as text-embeddings-inference does',
    description:
      'The inputs are one text, a pair ["a", "b"], or a batch [["a"], ["b", "c"]]. The query parameter adapter or the header x-graft-adapter selects the adapter, which is required if there are several. Unlike /v1/predictions, one input that cannot be classified fails the whole request.',
    tag: 'Predictions',
    scope: 'predict',
    query: { schema: query, fix: 'Name one adapter: /predict?adapter=film-lora.' },
    headers: { schema: headers, fix: 'Name one adapter.' },
    json: {
      schema: predictRequest,
      example: { inputs: 'A joy from start to finish.' },
      fix: 'Send {"inputs": "a text"} or {"inputs": [["a text"], ["another"]]}.',
    },
    responses: {
      200: {
        description: 'Returns the labels, most likely first; for a batch, one such list per input.',
        schema: predictResponse,
        headers: {
          'x-graft-adapter': 'Name of the adapter.',
          'x-graft-digest': 'SHA-256 of its weights.',
          'x-compute-type': 'The runtime that computed the result.',
          'x-compute-time': 'Total time in milliseconds.',
          'x-compute-characters': 'Characters of the inputs.',
          'x-compute-tokens': 'Tokens of the inputs after truncation.',
          'x-total-time': 'Total time in milliseconds.',
          'x-tokenization-time': 'Mean tokenization time per input in milliseconds.',
          'x-queue-time': 'Mean queue time per input in milliseconds.',
          'x-inference-time': 'Mean inference time per input in milliseconds.',
        },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid'],
    errorFormat: { schema: errorResponse, statusOf: teiStatusOf, toResponse: toTeiResponse },
    async handle({ query, headers, body, signal, recordRows }) {
      const started = performance.now()
      const { texts, isBatch, characters } = sequencesOf(body.inputs)
      if (isBatch && texts.length > MAX_INPUTS)
        return teiErrorResponse(
          413,
          `batch size ${texts.length} > maximum allowed batch size ${MAX_INPUTS}`,
          'Validation',
        )
      if (texts.includes('')) return teiErrorResponse(400, 'Input validation error: `inputs` cannot be empty', 'Empty')
      const adapter = query.adapter ?? headers['x-graft-adapter']
      const truncationSide = truncationSideOf(body.truncation_direction)
      const scored = await scoreTexts(platform, { texts, adapter, truncationSide }, signal)
      recordRows(texts.length)
      const failed = scored.results.find((result) => 'error' in result)
      if (failed) return toTeiResponse(failed.error)
      const rows = scored.results as DetailedRow[]
      const tooLong = body.truncate === false ? rows.find(({ truncated }) => truncated) : undefined
      if (tooLong)
        return teiErrorResponse(
          413,
          `Input validation error: \`inputs\` must have less than ${tooLong.tokens} tokens. Given: ${tooLong.detail.tokens}`,
          'Validation',
        )
      const lists: PredictResponse = rows.map((row) => sortByScore(body.raw_scores ? row.detail.logits : row.scores))
      return json(isBatch ? lists : lists[0], {
        headers: {
          'x-graft-adapter': toHeaderValue(scored.adapter),
          'x-graft-digest': scored.digest,
          ...metadataHeaders(rows, characters, performance.now() - started),
        },
      })
    },
  }),
]

type ClassifiedRow = Exclude<RowResult, { error: unknown }>
type DetailedRow = ClassifiedRow & { detail: NonNullable<ClassifiedRow['detail']> }

/** Returns the labels from the highest score to the lowest. Of equal scores, the later label comes first. */
const sortByScore = (scores: Readonly<Record<string, number>>) =>
  Object.entries(scores)
    .map(([label, score]) => ({ score, label }))
    .sort((a, b) => a.score - b.score)
    .reverse()

function metadataHeaders(rows: readonly DetailedRow[], characters: number, totalMs: number): Record<string, string> {
  const wholeMs = (ms: number) => String(Math.floor(ms))
  const meanMs = (timeOf: (times: DetailedRow['detail']['times']) => number) =>
    wholeMs(rows.reduce((sum, { detail }) => sum + timeOf(detail.times), 0) / rows.length)
  return {
    'x-compute-type': 'onnxruntime',
    'x-compute-time': wholeMs(totalMs),
    'x-compute-characters': String(characters),
    'x-compute-tokens': String(rows.reduce((sum, { tokens }) => sum + tokens, 0)),
    'x-total-time': wholeMs(totalMs),
    'x-tokenization-time': meanMs(({ tokenization }) => tokenization),
    'x-queue-time': meanMs(({ queue }) => queue),
    'x-inference-time': meanMs(({ inference }) => inference),
  }
}
