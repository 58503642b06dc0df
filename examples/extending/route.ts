// A route: POST /v1/tallies counts the labels of texts.
import type { Platform } from '../../platform/platform.ts'
import { json, type Route, route } from '../../server/route.ts'
import { tally, tallyRequest, tallyTexts } from './tally.ts'

// #region route
export const tallyRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/tallies',
    summary: 'Count labels',
    description: 'An adapter classifies each text. Returns how many texts have each label.',
    tag: 'Predictions',
    scope: 'predict',
    json: {
      schema: tallyRequest,
      example: { texts: ['A joy from start to finish.', 'Two hours I want back.'], adapter: 'film-lora' },
      fix: 'Send {"texts": ["a text", …], "adapter": "its name"}.',
    },
    responses: { 200: { description: 'Returns the counts.', schema: tally } },
    errors: ['adapter_unknown', 'base_mismatch'],
    async handle({ body, signal, recordRows }) {
      const answer = await tallyTexts(platform, body, signal)
      recordRows(body.texts.length)
      return json(answer)
    },
  }),
]
// #endregion
