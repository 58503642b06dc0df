import type { Platform } from '../../platform/platform.ts'
import { evaluation, evaluationList, evaluationQuery, evaluationRequest } from '../../platform/schemas/evaluations.ts'
import { createEvaluation, getEvaluation, listEvaluations } from '../../platform/use-cases/evaluations.ts'
import { json, type Route, route } from '../route.ts'
import { IDEMPOTENCY_HEADERS, LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Evaluations'

export const evaluationRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/evaluations',
    summary: 'Evaluate an adapter on a data set',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY_HEADERS,
    json: {
      schema: evaluationRequest,
      example: { adapter: 'film-lora', dataset: 'films-test' },
      fix: 'Send {"adapter": "its name", "dataset": "its name"}.',
    },
    responses: {
      201: { description: 'Returns the queued evaluation.', schema: evaluation, headers: LOCATION },
    },
    errors: ['adapter_unknown', 'dataset_unknown', 'data_label', 'queue_full', 'disk_full', 'idempotency_conflict'],
    handle: async ({ body, caller, headers }) =>
      toCreated('/v1/evaluations', await createEvaluation(platform, body, caller, headers['idempotency-key'])),
  }),
  route({
    method: 'GET',
    path: '/v1/evaluations',
    summary: 'List evaluations',
    description: 'The newest evaluations come first.',
    tag,
    scope: 'train',
    query: { schema: evaluationQuery, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of evaluations.', schema: evaluationList } },
    errors: ['adapter_unknown'],
    handle: async ({ query }) => json(await listEvaluations(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/evaluations/{id}',
    summary: 'Get an evaluation',
    tag,
    scope: 'train',
    params: { id: 'Id of an evaluation.' },
    responses: { 200: { description: 'Returns the evaluation.', schema: evaluation } },
    errors: ['evaluation_unknown'],
    handle: async ({ params: { id } }) => json(await getEvaluation(platform, id)),
  }),
]
