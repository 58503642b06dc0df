import { Readable } from 'node:stream'
import type { Platform } from '../../platform/platform.ts'
import { adapter, adapterList, adapterUpload } from '../../platform/schemas/adapters.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import {
  deleteAdapter,
  downloadAdapter,
  getAdapter,
  listAdapters,
  uploadAdapter,
} from '../../platform/use-cases/adapters.ts'
import { json, type Route, route, uploadRoute } from '../route.ts'
import { created, ID, PAGE } from './common.ts'

const tag = 'Adapters'
const params = { id: ID('an adapter') }

export const adapters = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/adapters',
    summary: 'List adapters, the newest first',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: adapterList } },
    handle: async ({ query }) => json(await listAdapters(platform, query)),
  }),
  uploadRoute({
    method: 'POST',
    path: '/v1/adapters',
    summary: 'Upload an adapter',
    description:
      "The folder of a checkpoint, as a tar file: PEFT's, AdapterHub's, or one that Graft made. It is unpacked without following links or leaving its folder, and checked on the base before it is kept.",
    tag,
    scope: 'train',
    query: { schema: adapterUpload, fix: 'Give the name in the address: /v1/adapters?name=film-lora.' },
    upload: {
      types: ['application/x-tar', 'application/gzip', 'application/octet-stream'],
      description: 'a tar file, gzipped or not, of the folder or of what is in it',
      limit: 'adapter',
    },
    answers: { 201: { description: 'The adapter', schema: adapter, headers: { location: 'its address' } } },
    errors: [
      'name_taken',
      'archive_invalid',
      'archive_too_large',
      'adapter_inert',
      'base_mismatch',
      'base_incomplete',
      'checkpoint_config',
      'checkpoint_corrupt',
      'checkpoint_tensors',
      'file_missing',
      'label_words',
      'artifacts_unavailable',
      'disk_full',
    ],
    handle: async ({ query, body }) => created('/v1/adapters', await uploadAdapter(platform, query.name, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/adapters/{id}',
    summary: 'Get an adapter',
    tag,
    scope: 'predict',
    params,
    answers: { 200: { description: 'The adapter', schema: adapter } },
    errors: ['adapter_unknown'],
    handle: async ({ params: { id } }) => json(await getAdapter(platform, id)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/adapters/{id}',
    summary: 'Delete an adapter',
    description: 'Its evaluations go with it; what is being answered by it is finished.',
    tag,
    scope: 'train',
    params,
    answers: { 204: { description: 'It is deleted' } },
    errors: ['adapter_unknown', 'in_use'],
    async handle({ params: { id } }) {
      await deleteAdapter(platform, id)
      return new Response(null, { status: 204 })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/adapters/{id}/archive',
    summary: "Download an adapter's folder",
    description: 'As a tar file, which PEFT or the library of its layout loads once unpacked.',
    tag,
    scope: 'train',
    params,
    answers: {
      200: {
        description: 'A tar file',
        types: ['application/x-tar'],
        headers: {
          'content-disposition': 'the name of the file',
          'content-length': 'its bytes',
          etag: 'its SHA-256',
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
