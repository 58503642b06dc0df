import { Readable } from 'node:stream'
import type { Platform } from '../../platform/platform.ts'
import { adapter, adapterList, adapterUpload } from '../../platform/schemas/adapters.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import {
  downloadAdapter,
  getAdapter,
  listAdapters,
  removeAdapter,
  uploadAdapter,
} from '../../platform/use-cases/adapters.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { describeId, IDEMPOTENCY_HEADERS, LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Adapters'
const params = { id: describeId('an adapter') }

export const adapterRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/adapters',
    summary: 'List adapters',
    description: 'The newest adapters come first.',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of adapters.', schema: adapterList } },
    handle: async ({ query }) => json(await listAdapters(platform, query)),
  }),
  uploadRoute({
    method: 'POST',
    path: '/v1/adapters',
    summary: 'Upload an adapter',
    description:
      'Upload the folder of a checkpoint as a tar file. PEFT, AdapterHub and Graft checkpoints are accepted. The archive is unpacked without following links or leaving its folder, and the adapter is checked against the base before it is stored. A repeated upload of the same files under the same name returns the existing adapter.',
    tag,
    scope: 'train',
    headers: IDEMPOTENCY_HEADERS,
    query: { schema: adapterUpload, fix: 'Put the name in the query: /v1/adapters?name=film-lora.' },
    upload: {
      contentTypes: ['application/x-tar', 'application/gzip', 'application/octet-stream'],
      description: 'A tar file, optionally gzipped, of the folder or of its contents.',
      limit: 'adapter',
    },
    responses: { 201: { description: 'Returns the new adapter.', schema: adapter, headers: LOCATION } },
    errors: [
      'name_taken',
      'idempotency_conflict',
      'overloaded',
      'archive_invalid',
      'archive_too_large',
      'adapter_inert',
      'adapter_too_large',
      'base_unknown',
      'base_mismatch',
      'base_incomplete',
      'checkpoint_config',
      'checkpoint_corrupt',
      'checkpoint_tensors',
      'file_missing',
      'label_words',
      'method_invalid',
      'artifacts_unavailable',
      'disk_full',
    ],
    async handle({ query, body, caller, headers }) {
      const requestKey = { owner: caller.owner, key: headers['idempotency-key'] }
      return toCreated(
        '/v1/adapters',
        await uploadAdapter(platform, query.name, body, { ...requestKey, base: query.base }),
      )
    },
  }),
  route({
    method: 'GET',
    path: '/v1/adapters/{id}',
    summary: 'Get an adapter',
    tag,
    scope: 'predict',
    params,
    responses: { 200: { description: 'Returns the adapter.', schema: adapter } },
    errors: ['adapter_unknown'],
    handle: async ({ params: { id } }) => json(await getAdapter(platform, id)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/adapters/{id}',
    summary: 'Delete an adapter',
    description: 'Its evaluations are deleted as well. Predictions in progress are finished.',
    tag,
    scope: 'train',
    params,
    responses: { 204: { description: 'The adapter was deleted.' } },
    errors: ['adapter_unknown', 'in_use'],
    async handle({ params: { id } }) {
      await removeAdapter(platform, id)
      return new Response(null, { status: 204 })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/adapters/{id}/archive',
    summary: "Download an adapter's folder",
    description: 'The tar file unpacks to a checkpoint that PEFT, or the library of its layout, can load.',
    tag,
    scope: 'train',
    params,
    responses: {
      200: {
        description: 'Returns a tar file.',
        contentTypes: ['application/x-tar'],
        headers: {
          'content-disposition': 'Name of the file.',
          'content-length': 'Size of the file in bytes.',
          etag: 'SHA-256 of the file.',
        },
      },
    },
    errors: ['adapter_unknown', 'artifact_missing', 'artifact_corrupt', 'artifacts_unavailable'],
    async handle({ params: { id } }) {
      const { name, bytes, digest, content } = await downloadAdapter(platform, id)
      return new Response(Readable.toWeb(content) as ReadableStream<Uint8Array>, {
        headers: {
          'content-type': 'application/x-tar',
          'content-length': String(bytes),
          'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}.tar`,
          etag: `"${digest}"`,
        },
      })
    },
  }),
]
