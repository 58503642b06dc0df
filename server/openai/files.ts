import { Readable } from 'node:stream'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { uuidv7 } from '../../core/uuid.ts'
import { nameOfFile } from '../../platform/offline/dataset-names.ts'
import type { Platform } from '../../platform/platform.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import {
  addDataset,
  deleteDataset,
  downloadDataset,
  getDataset,
  listDatasets,
} from '../../platform/use-cases/datasets.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { DATA_ERRORS } from '../routes/common.ts'
import { refusal } from './errors.ts'
import { idOf, referenceOf, seconds } from './ids.ts'
import { readForm } from './multipart.ts'
import { LIST, listOf, listQuery, pageOf, pageRequestOf } from './pages.ts'

const PURPOSE = 'fine-tune'

const fileObject = z.strictObject({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int().describe('seconds since 1970'),
  filename: z.string(),
  purpose: z.literal(PURPOSE),
  status: z.literal('processed').describe('it was read before this was answered'),
})

const form = z.strictObject({
  file: z.string().meta({ format: 'binary' }).describe('its bytes, with a filename'),
  purpose: z.literal(PURPOSE),
})

const fileDeleted = z.strictObject({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })

const params = { file_id: 'id of a file' }
const declared = { tag: 'OpenAI', scope: 'train', refusal } as const

/** OpenAI's files are data sets. */
export const files = (platform: Platform): Route[] => [
  uploadRoute({
    ...declared,
    method: 'POST',
    path: '/v1/files',
    summary: 'Upload a file to train or to measure on',
    description:
      'A form with file and purpose=fine-tune. Each line is a conversation in OpenAI\'s format, whose last answer is the label, or {"text": …, "label": …}. Every line is read before any of it is kept.',
    upload: { types: ['multipart/form-data'], description: 'a form', form, limit: 'dataset' },
    answers: { 200: { description: 'The file', schema: fileObject } },
    errors: ['body_invalid', ...DATA_ERRORS],
    async handle({ body, request }) {
      const type = request.headers.get('content-type')
      const { fields, file } = await readForm(type, body, 'file', (content) => platform.artifacts.put(content))
      if (!file) return missing('file', 'a file', 'none')
      if (fields.purpose !== PURPOSE) return missing('purpose', PURPOSE, JSON.stringify(fields.purpose ?? null))
      const other = Object.keys(fields).find((field) => field !== 'purpose')
      if (other !== undefined) return missing(other, 'only file and purpose', 'it')
      // The last part of an id is random.
      const name = nameOfFile(file.filename, uuidv7().slice(-12))
      return json(fileOf(await addDataset(platform, { name, filename: file.filename }, file.kept)))
    },
  }),
  route({
    ...declared,
    method: 'GET',
    path: '/v1/files',
    summary: 'List files, the newest first',
    query: {
      schema: listQuery.extend({
        purpose: z.string().optional().describe('there is none but fine-tune'),
        order: z.literal('desc', 'desc: the newest first').optional(),
      }),
      fix: LIST,
    },
    answers: { 200: { description: 'A page of the list', schema: listOf(fileObject) } },
    async handle({ query: { purpose = PURPOSE, ...query } }) {
      if (purpose !== PURPOSE) return json(pageOf([], false))
      const { data, next_cursor } = await listDatasets(platform, pageRequestOf('file', query))
      return json(pageOf(data.map(fileOf), next_cursor !== undefined))
    },
  }),
  route({
    ...declared,
    method: 'GET',
    path: '/v1/files/{file_id}',
    summary: 'Get a file',
    params,
    answers: { 200: { description: 'The file', schema: fileObject } },
    errors: ['dataset_unknown'],
    handle: async ({ params }) => json(fileOf(await getDataset(platform, referenceOf('file', params.file_id)))),
  }),
  route({
    ...declared,
    method: 'DELETE',
    path: '/v1/files/{file_id}',
    summary: 'Delete a file',
    params,
    answers: { 200: { description: 'It is deleted', schema: fileDeleted } },
    errors: ['dataset_unknown', 'in_use'],
    async handle({ params }) {
      const { id } = await deleteDataset(platform, referenceOf('file', params.file_id))
      return json({ id: idOf('file', id), object: 'file', deleted: true } satisfies z.infer<typeof fileDeleted>)
    },
  }),
  route({
    ...declared,
    method: 'GET',
    path: '/v1/files/{file_id}/content',
    summary: 'Download a file as it was uploaded',
    params,
    answers: { 200: { description: 'Its bytes', types: ['application/octet-stream'] } },
    errors: ['dataset_unknown', 'artifact_missing', 'artifact_corrupt', 'artifacts_unavailable'],
    async handle({ params }) {
      const { bytes, content } = await downloadDataset(platform, referenceOf('file', params.file_id))
      return new Response(Readable.toWeb(content) as ReadableStream<Uint8Array>, {
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
      })
    },
  }),
]

const fileOf = ({ id, bytes, created_at, name, format, filename }: Dataset): z.infer<typeof fileObject> => ({
  id: idOf('file', id),
  object: 'file',
  bytes,
  created_at: seconds(created_at),
  filename: filename ?? `${name}.${format}`,
  purpose: PURPOSE,
  status: 'processed',
})

function missing(subject: string, expected: string, found: string): never {
  fail('body_invalid', {
    subject,
    expected,
    found,
    fix: 'Send a form with file, the data, and purpose, which is fine-tune.',
  })
}
