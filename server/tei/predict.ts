import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { idOrName } from '../../platform/schemas/common.ts'
import { json, type Route, route } from '../route.ts'
import { teiErrorFormat, teiErrorResponse } from './errors.ts'
import { type PredictResponse, predictRequest, predictResponse } from './schemas.ts'
import { SCORE_HEADERS, scoreInputs, sortByScore } from './score-inputs.ts'
import { sequencesOf, truncationSideOf } from './sequences.ts'

/** The choice of an adapter, outside the contracts of other libraries. */
export const adapterQuery = z.looseObject({ adapter: idOrName('an adapter').optional() })

export const adapterHeaders = z.object({
  'x-graft-adapter': idOrName('an adapter').optional().describe('Id or name of the adapter, if the query has none.'),
})

/** Returns the adapter that a request chooses. */
export const chosenAdapter = (query: z.infer<typeof adapterQuery>, headers: z.infer<typeof adapterHeaders>) =>
  query.adapter ?? headers['x-graft-adapter']

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
    query: { schema: adapterQuery, fix: 'Name one adapter: /predict?adapter=film-lora.' },
    headers: { schema: adapterHeaders, fix: 'Name one adapter.' },
    json: {
      schema: predictRequest,
      example: { inputs: 'A joy from start to finish.' },
      fix: 'Send {"inputs": "a text"} or {"inputs": [["a text"], ["another"]]}.',
    },
    responses: {
      200: {
        description: 'Returns the labels, most likely first; for a batch, one such list per input.',
        schema: predictResponse,
        headers: SCORE_HEADERS,
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid', 'prediction_timeout'],
    errorFormat: teiErrorFormat,
    async handle(context) {
      const { query, headers, body } = context
      const { texts, isBatch, characters } = sequencesOf(body.inputs)
      const adapter = chosenAdapter(query, headers)
      const truncationSide = truncationSideOf(body.truncation_direction)
      const scored = await scoreInputs(platform, { texts, characters, adapter, truncationSide }, context)
      if (scored instanceof Response) return scored
      const { rows } = scored
      const tooLong = body.truncate === false ? rows.find(({ truncated }) => truncated) : undefined
      if (tooLong)
        return teiErrorResponse(
          413,
          `Input validation error: \`inputs\` must have less than ${tooLong.tokens} tokens. Given: ${tooLong.detail.tokens}`,
          'Validation',
        )
      const lists: PredictResponse = rows.map((row) => sortByScore(body.raw_scores ? row.detail.logits : row.scores))
      return json(isBatch ? lists : lists[0], { headers: scored.headers })
    },
  }),
]
