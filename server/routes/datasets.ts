import type { Platform } from '../../platform/platform.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { dataset, datasetList, datasetUpload } from '../../platform/schemas/datasets.ts'
import { deleteDataset, getDataset, listDatasets, uploadDataset } from '../../platform/use-cases/datasets.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { created, DATA_ERRORS, ID, PAGE } from './common.ts'

const tag = 'Data sets'

export const datasets = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/datasets',
    summary: 'List data sets, the newest first',
    tag,
    scope: 'train',
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: datasetList } },
    handle: async ({ query }) => json(await listDatasets(platform, query)),
  }),
  uploadRoute({
    method: 'POST',
    path: '/v1/datasets',
    summary: 'Upload a data set',
    description: 'Reviews with labels. Every line is read before any of it is kept.',
    tag,
    scope: 'train',
    query: { schema: datasetUpload, fix: 'Give the name in the address: /v1/datasets?name=films.' },
    upload: {
      types: [
        'application/jsonl',
        'application/x-ndjson',
        'application/json-lines',
        'text/csv',
        'application/gzip',
        'application/octet-stream',
      ],
      description: '{"text": …, "label": …} a line, or CSV with a header; gzipped or not',
      limit: 'dataset',
    },
    answers: { 201: { description: 'The data set', schema: dataset, headers: { location: 'its address' } } },
    errors: ['name_taken', ...DATA_ERRORS],
    handle: async ({ query, body }) => created('/v1/datasets', await uploadDataset(platform, query.name, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}',
    summary: 'Get a data set',
    tag,
    scope: 'train',
    params: { id: ID('a data set') },
    answers: { 200: { description: 'The data set', schema: dataset } },
    errors: ['dataset_unknown'],
    handle: async ({ params: { id } }) => json(await getDataset(platform, id)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/datasets/{id}',
    summary: 'Delete a data set',
    description: 'What was trained and measured on it stays.',
    tag,
    scope: 'train',
    params: { id: ID('a data set') },
    answers: { 204: { description: 'It is deleted' } },
    errors: ['dataset_unknown', 'in_use'],
    async handle({ params: { id } }) {
      await deleteDataset(platform, id)
      return new Response(null, { status: 204 })
    },
  }),
]
