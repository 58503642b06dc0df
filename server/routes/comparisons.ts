import type { Platform } from '../../platform/platform.ts'
import { comparison, comparisonList, comparisonQuery, comparisonRequest } from '../../platform/schemas/comparisons.ts'
import { createComparison, getComparison, listComparisons } from '../../platform/use-cases/comparisons.ts'
import { json, type Route, route } from '../route.ts'
import { created, IDEMPOTENCY, PAGE } from './common.ts'

const tag = 'Comparisons'

export const comparisons = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/comparisons',
    summary: 'Find out which of several adapters is better',
    description:
      'All answer the same reviews. The result says what the answers allow to be said, and what they do not.',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY,
    json: {
      schema: comparisonRequest,
      example: { adapters: ['film-lora', 'film-adapter'], dataset: 'films-test' },
      fix: 'Send {"adapters": ["one name", "another"], "dataset": "its name"}.',
    },
    answers: {
      201: { description: 'The comparison, queued', schema: comparison, headers: { location: 'its address' } },
    },
    errors: ['adapter_unknown', 'dataset_unknown', 'data_label', 'queue_full', 'idempotency_conflict'],
    handle: async ({ body, caller, headers }) =>
      created('/v1/comparisons', await createComparison(platform, body, caller, headers['idempotency-key'])),
  }),
  route({
    method: 'GET',
    path: '/v1/comparisons',
    summary: 'List comparisons with their verdicts, the newest first',
    tag,
    scope: 'train',
    query: { schema: comparisonQuery, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: comparisonList } },
    handle: async ({ query }) => json(await listComparisons(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/comparisons/{id}',
    summary: 'Get a comparison with all that it found',
    tag,
    scope: 'train',
    params: { id: 'id of a comparison' },
    answers: { 200: { description: 'The comparison', schema: comparison } },
    errors: ['comparison_unknown'],
    handle: async ({ params: { id } }) => json(await getComparison(platform, id)),
  }),
]
