import { gzipSync } from 'node:zlib'
import { acceptsGzip, encodingHeaders } from '../gzip.ts'

/** The first parts of the paths of pages. The page itself decides what it shows at a path. */
const SECTIONS = new Set(['', 'trainings', 'data', 'adapters', 'compare', 'playground'])

/** A response with the route under which it is logged and counted. */
export interface PageResponse {
  route: string
  response: Response
}

/** The pages for people: one document for all their paths, with its scripts and styles. */
export interface Pages {
  /** Returns undefined if a request is not one of a browser for a page or for a file of the pages. */
  respond(request: Request): PageResponse | undefined
}

export interface PageFiles {
  document: Uint8Array<ArrayBuffer>
  /** The scripts and styles by name. A name contains a hash of the content. */
  assets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

/**
 * The pages run only their own files and talk only to this server. Scripts cannot turn text into markup, except for the
 * report of a comparison, whose texts `report/html.ts` escapes.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types graft-report',
].join('; ')

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Makes the pages from their files. Only a browser that navigates gets the document: the API has no pages. */
export function makePages({ document, assets }: PageFiles): Pages {
  const compressed = new Map([...assets].map(([name, content]) => [name, gzipSync(content)]))
  return {
    respond({ url, method, headers }) {
      if (method !== 'GET' && method !== 'HEAD') return undefined
      const { pathname } = new URL(url)
      const name = pathname.startsWith('/assets/') ? pathname.slice('/assets/'.length) : undefined
      const isGzip = acceptsGzip(headers)
      const asset = name === undefined ? undefined : (isGzip ? compressed : assets).get(name)
      const send = (content: Uint8Array<ArrayBuffer>, fields: Record<string, string>) =>
        new Response(method === 'HEAD' ? null : content, { headers: fields })
      if (asset && name)
        return {
          route: '/assets/{name}',
          response: send(asset, {
            'content-type': CONTENT_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
            'cache-control': 'public, max-age=31536000, immutable',
            ...encodingHeaders(isGzip),
          }),
        }
      if (!SECTIONS.has(pathname.split('/')[1]) || !headers.get('accept')?.includes('text/html')) return undefined
      return {
        route: 'page',
        response: send(document, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': CONTENT_SECURITY_POLICY,
          'cross-origin-opener-policy': 'same-origin',
        }),
      }
    },
  }
}
