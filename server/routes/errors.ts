import { catalogue } from '../../core/catalogue.ts'
import type { Routes } from '../mount.ts'

/** `GET /docs/errors`: where a problem's `type` leads. */
export function errors(): Routes {
  const rows = Object.entries(catalogue).map(
    ([code, { status, title }]) => `<dt id="${code}"><code>${code}</code> (${status})</dt><dd>${title}.</dd>`,
  )
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Errors</title><h1>Errors</h1><dl>${rows.join('')}</dl></html>`
  return { '/docs/errors': { GET: (c) => c.html(page) } }
}
