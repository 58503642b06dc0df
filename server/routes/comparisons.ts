import type { Platform } from '../../platform/platform.ts'
import { comparison, comparisonList, comparisonQuery, comparisonRequest } from '../../platform/schemas/comparisons.ts'
import {
  createComparison,
  getComparison,
  getComparisonResult,
  listComparisons,
} from '../../platform/use-cases/comparisons.ts'
import { REPORT_POLICY, renderReportPage } from '../../report/page.ts'
import { json, type Route, route } from '../route.ts'
import { IDEMPOTENCY_HEADERS, LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Comparisons'

export const comparisonRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/comparisons',
    summary: 'Compare adapters',
    description:
      'Every adapter classifies the same reviews, and so does every pipeline. The result says which one is better, or that the reviews are too few to tell.',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY_HEADERS,
    json: {
      schema: comparisonRequest,
      example: { adapters: ['film-lora', 'film-adapter'], dataset: 'films-test' },
      fix: 'Send {"adapters": ["one name", "another"], "dataset": "its name"}.',
    },
    responses: {
      201: { description: 'Returns the queued comparison.', schema: comparison, headers: LOCATION },
    },
    errors: [
      ...(['adapter_unknown', 'dataset_unknown', 'data_label', 'pipeline_invalid', 'pipelines_disabled'] as const),
      ...(['queue_full', 'disk_full', 'idempotency_conflict'] as const),
    ],
    handle: async ({ body, caller, headers }) =>
      toCreated('/v1/comparisons', await createComparison(platform, body, caller, headers['idempotency-key'])),
  }),
  route({
    method: 'GET',
    path: '/v1/comparisons',
    summary: 'List comparisons',
    description: 'Each comparison includes its verdicts. The newest comparisons come first.',
    tag,
    scope: 'train',
    query: { schema: comparisonQuery, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of comparisons.', schema: comparisonList } },
    handle: async ({ query }) => json(await listComparisons(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/comparisons/{id}',
    summary: 'Get a comparison',
    description: 'The comparison includes its full result once it has succeeded.',
    tag,
    scope: 'train',
    params: { id: 'Id of a comparison.' },
    responses: { 200: { description: 'Returns the comparison.', schema: comparison } },
    errors: ['comparison_unknown'],
    handle: async ({ params: { id } }) => json(await getComparison(platform, id)),
  }),
  route({
    method: 'GET',
    path: '/v1/comparisons/{id}/report',
    summary: 'Get the report of a comparison',
    description:
      'The report is a page of HTML with charts. It needs no other file, so it can be saved and sent. Equal results give equal bytes.',
    tag,
    scope: 'train',
    params: { id: 'Id of a comparison.' },
    responses: { 200: { description: 'Returns the report.', contentTypes: ['text/html'] } },
    errors: ['comparison_unknown', 'comparison_unfinished'],
    async handle({ params: { id } }) {
      const page = renderReportPage(await getComparisonResult(platform, id))
      const policy = `${REPORT_POLICY}; frame-ancestors 'none'`
      return new Response(page, {
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
      })
    },
  }),
]
