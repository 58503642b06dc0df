import type { Platform } from '../../platform/platform.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { dataset, datasetCheck, datasetList, datasetUpload } from '../../platform/schemas/datasets.ts'
import {
  checkDataset,
  getDataset,
  listDatasets,
  removeDataset,
  uploadDataset,
} from '../../platform/use-cases/datasets.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { DATA_ERROR_CODES, describeId, IDEMPOTENCY_HEADERS, LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Data sets'
const params = { id: describeId('a data set') }

export const datasetRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/datasets',
    summary: 'List data sets',
    description: 'The newest data sets come first.',
    tag,
    scope: 'train',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of data sets.', schema: datasetList } },
    handle: async ({ query }) => json(await listDatasets(platform, query)),
  }),
  uploadRoute({
    method: 'POST',
    path: '/v1/datasets',
    summary: 'Upload a data set',
    description:
      'Upload labeled reviews. Every line is validated before the data set is stored. A repeated upload of the same file under the same name returns the existing data set. With dry_run=true, returns what the file contains and stores nothing.',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY_HEADERS,
    query: {
      schema: datasetUpload,
      fix: 'Put the name in the query: /v1/datasets?name=films. docs/data.md describes the other fields.',
    },
    upload: {
      contentTypes: [
        'application/jsonl',
        'application/x-ndjson',
        'application/json-lines',
        'application/json',
        'text/csv',
        'text/tab-separated-values',
        'application/gzip',
        'application/octet-stream',
      ],
      description:
        'JSONL with lines {"text": …, "label": …}, CSV or TSV with these columns or others, a JSON array, or the format of fastText; optionally gzipped.',
      limit: 'dataset',
    },
    responses: {
      200: { description: 'Returns what the file of a dry run contains.', schema: datasetCheck },
      201: { description: 'Returns the new data set.', schema: dataset, headers: LOCATION },
    },
    errors: ['name_taken', 'idempotency_conflict', ...DATA_ERROR_CODES],
    async handle({ query: { dry_run, ...query }, body, signal, caller, headers }) {
      if (dry_run) return json(await checkDataset(platform, query, body, signal))
      const requestKey = { owner: caller.owner, key: headers['idempotency-key'] }
      return toCreated('/v1/datasets', await uploadDataset(platform, query, body, signal, requestKey))
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}',
    summary: 'Get a data set',
    tag,
    scope: 'train',
    params,
    responses: { 200: { description: 'Returns the data set.', schema: dataset } },
    errors: ['dataset_unknown'],
    handle: async ({ params: { id } }) => json(await getDataset(platform, id)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/datasets/{id}',
    summary: 'Delete a data set',
    description: 'Adapters that were trained on it and evaluations that used it are kept.',
    tag,
    scope: 'train',
    params,
    responses: { 204: { description: 'The data set was deleted.' } },
    errors: ['dataset_unknown', 'in_use'],
    async handle({ params: { id } }) {
      await removeDataset(platform, id)
      return new Response(null, { status: 204 })
    },
  }),
]
