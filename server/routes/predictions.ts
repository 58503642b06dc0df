import type { Platform } from '../../platform/platform.ts'
import { classifyAnswer, classifyRequest } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { inHeader, json, type Route, route } from '../route.ts'

/** A client that goes away takes its texts back. */
export const predictions = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/predictions',
    summary: 'Label texts',
    description:
      'Each text is answered by an adapter; several adapters may answer in one request. A text that cannot be classified fails alone: an error stands in its place.',
    tag: 'Predictions',
    scope: 'predict',
    json: {
      schema: classifyRequest,
      example: { inputs: ['A joy from start to finish.', 'Two hours I want back.'] },
      fix: 'Send {"inputs": ["a text", …], "adapter": "its id"}.',
    },
    answers: {
      200: {
        description: 'A result for each text, in their order',
        schema: classifyAnswer,
        headers: {
          'x-graft-adapter': 'name of the adapter, where one answered all',
          'x-graft-digest': 'SHA-256 of its weights',
        },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch'],
    async handle({ body, signal, noteRows }) {
      const answer = await classify(platform, body, signal)
      noteRows(answer.results.flat().length)
      const headers: Record<string, string> = {}
      if ('adapter' in answer && answer.adapter !== undefined) headers['x-graft-adapter'] = inHeader(answer.adapter)
      if ('digest' in answer && answer.digest !== undefined) headers['x-graft-digest'] = answer.digest
      return json(answer, { headers })
    },
  }),
]
