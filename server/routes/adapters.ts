import type { Platform } from '../../platform/platform.ts'
import { getAdapter, listAdapters } from '../../platform/use-cases/list-adapters.ts'
import type { Routes } from '../mount.ts'

/** `GET /v1/adapters` and `GET /v1/adapters/ID`. */
export function adapters(platform: Platform): Routes {
  return {
    '/v1/adapters': { GET: (c) => c.json(listAdapters(platform)) },
    '/v1/adapters/:id': { GET: (c) => c.json(getAdapter(platform, c.req.param('id') ?? '')) },
  }
}
