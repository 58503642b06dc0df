import type { Platform } from '../../platform/platform.ts'
import { json, type Route, route } from '../route.ts'
import { teiErrorFormat } from '../tei/errors.ts'
import { adapterHeaders, adapterQuery, chosenAdapter } from '../tei/predict.ts'
import { type DetailedRow, SCORE_HEADERS, scoreInputs, sortByScore } from '../tei/score-inputs.ts'
import { countCodePoints, joinTexts } from '../tei/sequences.ts'
import { type EndpointInput, type EndpointRequest, endpointRequest, endpointResponse } from './schemas.ts'

/**
 * Returns the route of text classification as Hugging Face's Inference Endpoints have it, so that
 * `@huggingface/inference` and the `InferenceClient` of Python work.
 */
export const endpointRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/',
    summary: 'Classify texts as an Inference Endpoint of Hugging Face does',
    description:
      'The inputs are one text, a pair {"text": "a", "text_pair": "b"}, or a list of these. The response has one list of labels per input, also for one input. The query parameter adapter or the header x-graft-adapter selects the adapter, which is required if there are several.',
    tag: 'Predictions',
    scope: 'predict',
    query: { schema: adapterQuery, fix: 'Name one adapter: /?adapter=film-lora.' },
    headers: { schema: adapterHeaders, fix: 'Name one adapter.' },
    json: {
      schema: endpointRequest,
      example: { inputs: 'A joy from start to finish.', parameters: { top_k: 1 } },
      fix: 'Send {"inputs": "a text"} or {"inputs": ["a text", "another"]}.',
    },
    responses: {
      200: {
        description: 'Returns a list of labels for each input, most likely first.',
        schema: endpointResponse,
        headers: SCORE_HEADERS,
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid', 'prediction_timeout'],
    errorFormat: teiErrorFormat,
    async handle(context) {
      const { query, headers, body } = context
      const pairs = [body.inputs].flat().map(textsOf)
      const characters = pairs.flat().reduce((sum, text) => sum + countCodePoints(text), 0)
      const adapter = chosenAdapter(query, headers)
      const scored = await scoreInputs(platform, { texts: pairs.map(joinTexts), characters, adapter }, context)
      if (scored instanceof Response) return scored
      const { top_k, function_to_apply } = body.parameters ?? {}
      const lists = scored.rows.map((row) => sortByScore(scoresOf(row, function_to_apply)).slice(0, top_k ?? undefined))
      return json(lists, { headers: scored.headers })
    },
  }),
]

function textsOf(input: EndpointInput): string[] {
  if (typeof input === 'string') return [input]
  return typeof input.text_pair === 'string' ? [input.text, input.text_pair] : [input.text]
}

type FunctionToApply = NonNullable<EndpointRequest['parameters']>['function_to_apply']

function scoresOf({ scores, detail }: DetailedRow, functionToApply: FunctionToApply): Readonly<Record<string, number>> {
  if (functionToApply === 'none') return detail.logits
  if (functionToApply !== 'sigmoid') return scores
  return Object.fromEntries(Object.entries(detail.logits).map(([label, logit]) => [label, 1 / (1 + Math.exp(-logit))]))
}
