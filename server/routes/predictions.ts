import type { Platform } from '../../platform/platform.ts'
import { classifyAnswer, classifyRequest, countCharacters, countTexts } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { json, type Route, route, toHeaderValue } from '../route.ts'

export const predictionRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/predictions',
    summary: 'Classify texts',
    description:
      'An adapter classifies each text; one request may use several adapters. A text that cannot be classified does not affect the others: its result is an error. If the client disconnects, texts that are still waiting are not classified.',
    tag: 'Predictions',
    scope: 'predict',
    json: {
      schema: classifyRequest,
      example: { inputs: ['A joy from start to finish.', 'Two hours I want back.'] },
      fix: 'Send {"inputs": ["a text", …], "adapter": "its name"}.',
    },
    responses: {
      200: {
        description: 'Returns one result per text, in the same order.',
        schema: classifyAnswer,
        headers: {
          'x-graft-adapter': 'Name of the adapter, if one adapter classified all texts.',
          'x-graft-digest': 'SHA-256 of its weights.',
        },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'prediction_timeout'],
    async handle({ body, signal, caller, admitTexts, recordRows }) {
      admitTexts(countTexts(body), countCharacters(body))
      const answer = await classify(platform, body, signal, caller)
      recordRows(answer.results.flat().length)
      const headers: Record<string, string> = {}
      if ('adapter' in answer && answer.adapter !== undefined)
        headers['x-graft-adapter'] = toHeaderValue(answer.adapter)
      if ('digest' in answer && answer.digest !== undefined) headers['x-graft-digest'] = answer.digest
      return json(answer, { headers })
    },
  }),
]
