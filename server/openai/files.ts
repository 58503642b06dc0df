import { Readable } from 'node:stream'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { Platform } from '../../platform/platform.ts'
import { coerceFields } from '../../platform/schemas/coerce-fields.ts'
import { datasetNameOf } from '../../platform/schemas/dataset-name.ts'
import { type Dataset, type DatasetReading, datasetReading } from '../../platform/schemas/datasets.ts'
import { parse } from '../../platform/schemas/parse.ts'
import {
  addDataset,
  downloadDataset,
  getDataset,
  listDatasets,
  removeDataset,
} from '../../platform/use-cases/datasets.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { DATA_ERROR_CODES, IDEMPOTENCY_HEADERS } from '../routes/common.ts'
import { openaiErrorFormat } from './errors.ts'
import { fromOpenaiId, toOpenaiId, toUnixSeconds } from './ids.ts'
import { type Form, readForm } from './multipart.ts'
import { LIST_FIX, listQuery, listSchemaOf, toPage, toPageRequest } from './pages.ts'

const PURPOSE = 'fine-tune'

const FORM_FIX = 'Send a form with the fields file and purpose=fine-tune.'

const fileObject = z.strictObject({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int().describe('Unix time in seconds.'),
  filename: z.string(),
  purpose: z.literal(PURPOSE),
  status: z.literal('processed').describe('Always processed: a file is validated during its upload.'),
})

const form = z.strictObject({
  file: z.string().meta({ format: 'binary' }).describe('Bytes of the file, with a filename.'),
  purpose: z.literal(PURPOSE),
  ...datasetReading.shape,
})

const fileDeleted = z.strictObject({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })

const params = { file_id: 'Id of a file.' }
const common = { tag: 'OpenAI', scope: 'train', errorFormat: openaiErrorFormat } as const

/** Returns OpenAI's file routes. Files are data sets. */
export const fileRoutes = (platform: Platform): Route[] => [
  uploadRoute({
    ...common,
    method: 'POST',
    path: '/v1/files',
    summary: 'Upload a file',
    description:
      'Upload a data set to train or evaluate on, as a form with file and purpose=fine-tune. Each line is a conversation in OpenAI\'s format, whose last assistant message is the label, or {"text": …, "label": …}. Other formats and columns are read as in POST /v1/datasets. Every line is validated before the file is stored.',
    headers: IDEMPOTENCY_HEADERS,
    upload: { contentTypes: ['multipart/form-data'], description: 'A form.', form, limit: 'dataset' },
    responses: { 200: { description: 'Returns the file.', schema: fileObject } },
    errors: ['body_invalid', 'idempotency_conflict', ...DATA_ERROR_CODES],
    handle: ({ body, request, signal, caller, headers }) =>
      platform.uploads.withFile(async (file) => {
        const form = await readForm(request.headers.get('content-type'), body, 'file', file.write)
        const { filename, saved, reading } = requireFile(form)
        // The last 12 digits of an id are random.
        const name = datasetNameOf(filename, uuidv7().slice(-12))
        const requestKey = { owner: caller.owner, key: headers['idempotency-key'] }
        const added = { name, filename, ...reading }
        return json(toFile(await addDataset(platform, added, { file, ...saved }, signal, requestKey)))
      }),
  }),
  route({
    ...common,
    method: 'GET',
    path: '/v1/files',
    summary: 'List files',
    description: 'The newest files come first by default.',
    query: {
      schema: listQuery.extend({
        purpose: z.string().optional().describe('Purpose of the files to list. All files have the purpose fine-tune.'),
        order: z.enum(['asc', 'desc'], 'asc or desc').optional().describe('Order by time. Defaults to desc.'),
      }),
      fix: LIST_FIX,
    },
    responses: { 200: { description: 'Returns a page of files.', schema: listSchemaOf(fileObject) } },
    async handle({ query: { purpose = PURPOSE, order, ...query } }) {
      if (purpose !== PURPOSE) return json(toPage([], false))
      const first = order === 'asc' ? 'oldest' : 'newest'
      const { data, next_cursor } = await listDatasets(platform, toPageRequest('file', query), first)
      return json(toPage(data.map(toFile), next_cursor !== undefined))
    },
  }),
  route({
    ...common,
    method: 'GET',
    path: '/v1/files/{file_id}',
    summary: 'Get a file',
    params,
    responses: { 200: { description: 'Returns the file.', schema: fileObject } },
    errors: ['dataset_unknown'],
    handle: async ({ params }) => json(toFile(await getDataset(platform, fromOpenaiId('file', params.file_id)))),
  }),
  route({
    ...common,
    method: 'DELETE',
    path: '/v1/files/{file_id}',
    summary: 'Delete a file',
    params,
    responses: { 200: { description: 'Confirms the deletion.', schema: fileDeleted } },
    errors: ['dataset_unknown', 'in_use'],
    async handle({ params }) {
      const { id } = await removeDataset(platform, fromOpenaiId('file', params.file_id))
      return json({ id: toOpenaiId('file', id), object: 'file', deleted: true } satisfies z.infer<typeof fileDeleted>)
    },
  }),
  route({
    ...common,
    method: 'GET',
    path: '/v1/files/{file_id}/content',
    summary: 'Download a file',
    params,
    responses: {
      200: { description: 'Returns the bytes as they were uploaded.', contentTypes: ['application/octet-stream'] },
    },
    errors: ['dataset_unknown', 'artifact_missing', 'artifact_corrupt', 'artifacts_unavailable'],
    async handle({ params }) {
      const { bytes, content } = await downloadDataset(platform, fromOpenaiId('file', params.file_id))
      return new Response(Readable.toWeb(content) as ReadableStream<Uint8Array>, {
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
      })
    },
  }),
]

/** @throws GraftError `body_invalid` if the form is not that of a file to train on */
function requireFile<File>({
  fields,
  file,
}: Form<File>): NonNullable<Form<File>['file']> & { reading: DatasetReading } {
  if (!file) return fail('body_invalid', { subject: 'file', problem: 'is missing from the form', fix: FORM_FIX })
  const { purpose, ...others } = fields
  if (purpose !== PURPOSE) {
    const [expected, found] = [PURPOSE, JSON.stringify(purpose ?? null)]
    return fail('body_invalid', { subject: 'purpose', expected, found, fix: FORM_FIX })
  }
  const unknownField = Object.keys(others).find((field) => !Object.hasOwn(datasetReading.shape, field))
  if (unknownField !== undefined)
    fail('body_invalid', { subject: unknownField, problem: 'is not a field of this form', fix: FORM_FIX })
  const texts = Object.fromEntries(Object.entries(others).map(([field, text]) => [field, [text]]))
  const reading = parse(datasetReading, coerceFields(datasetReading.shape, texts), 'the form', FORM_FIX)
  return { ...file, reading }
}

const toFile = ({ id, bytes, created_at, name, format, filename }: Dataset): z.infer<typeof fileObject> => ({
  id: toOpenaiId('file', id),
  object: 'file',
  bytes,
  created_at: toUnixSeconds(created_at),
  filename: filename ?? `${name}.${format}`,
  purpose: PURPOSE,
  status: 'processed',
})
