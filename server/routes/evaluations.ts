import type { Platform } from '../../platform/platform.ts'
import { evaluation, evaluationList, evaluationQuery, evaluationRequest } from '../../platform/schemas/evaluations.ts'
import { createEvaluation, getEvaluation, listEvaluations } from '../../platform/use-cases/evaluations.ts'
import { json, type Route, route } from '../route.ts'
import { created, IDEMPOTENCY, PAGE } from './common.ts'

const tag = 'Evaluations'

export const evaluations = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/evaluations',
    summary: 'Measure an adapter on a data set',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY,
    json: {
      schema: evaluationRequest,
      example: { adapter: 'film-lora', dataset: 'films-test' },
      fix: 'Send {"adapter": "its name", "dataset": "its name"}.',
    },
    answers: {
      201: { description: 'The evaluation, queued', schema: evaluation, headers: { location: 'its address' } },
    },
    errors: ['adapter_unknown', 'dataset_unknown', 'data_label', 'queue_full', 'idempotency_conflict'],
    handle: async ({ body, caller, headers }) =>
      created('/v1/evaluations', await createEvaluation(platform, body, caller, headers['idempotency-key'])),
  }),
  route({
    method: 'GET',
    path: '/v1/evaluations',
    summary: 'List evaluations, the newest first',
    tag,
    scope: 'train',
    query: { schema: evaluationQuery, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: evaluationList } },
    errors: ['adapter_unknown'],
    handle: async ({ query }) => json(await listEvaluations(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/evaluations/{id}',
    summary: 'Get an evaluation',
    tag,
    scope: 'train',
    params: { id: 'id of an evaluation' },
    answers: { 200: { description: 'The evaluation', schema: evaluation } },
    errors: ['evaluation_unknown'],
    handle: async ({ params: { id } }) => json(await getEvaluation(platform, id)),
  }),
]
