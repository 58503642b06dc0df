import { z } from 'zod'
import type { Html } from '../../report/html.ts'
import { renderErrorsPage } from '../docs/errors-page.ts'
import { toHtmlResponse } from '../docs/html.ts'
import { renderDocsPage } from '../docs/page.ts'
import { acceptsGzip, compress, encodingHeaders } from '../gzip.ts'
import { type OpenApi, openApiOf } from '../openapi.ts'
import type { Pages } from '../pages/pages.ts'
import { type Route, route } from '../route.ts'

const tag = 'Server'
const htmlPage = { description: 'Returns an HTML page.', contentTypes: ['text/html'] }

/**
 * Returns the routes that document the API.
 * @param routes returns all routes of the API, including these
 * @param pages the pages for people, of which the first is at `/`
 */
export function documentRoutes(routes: () => readonly Route[], version: string, pages?: Pages): Route[] {
  let document: OpenApi | undefined
  const getDocument = () => {
    document ??= openApiOf(routes(), version)
    return document
  }
  let written: Buffer<ArrayBuffer> | undefined
  let compressed: Promise<Buffer<ArrayBuffer>> | undefined
  let page: Html | undefined
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'Get the OpenAPI document of this API',
      tag,
      scope: 'none',
      responses: {
        200: {
          description: 'Returns an OpenAPI 3.1 document.',
          schema: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }),
        },
      },
      async handle({ request: { headers } }) {
        // Writing the document again would take the event loop milliseconds each time.
        written ??= Buffer.from(JSON.stringify(getDocument()))
        const isGzip = acceptsGzip(headers)
        if (isGzip) compressed ??= compress(written)
        const body = isGzip ? await compressed : written
        return new Response(body, { headers: { 'content-type': 'application/json', ...encodingHeaders(isGzip) } })
      },
    }),
    route({
      method: 'GET',
      path: '/',
      summary: 'Show the pages of this server to a browser, or redirect to the reference of this API',
      tag,
      scope: 'none',
      responses: {
        200: htmlPage,
        302: { description: 'The reference is at /docs.', headers: { Location: 'The path of the reference.' } },
      },
      handle: ({ request }) =>
        pages?.respond(request)?.response ?? new Response(null, { status: 302, headers: { location: '/docs' } }),
    }),
    route({
      method: 'GET',
      path: '/docs',
      summary: 'Show the reference of this API',
      tag,
      scope: 'none',
      responses: { 200: htmlPage },
      handle() {
        page ??= renderDocsPage(getDocument())
        return toHtmlResponse(page)
      },
    }),
    route({
      method: 'GET',
      path: '/docs/errors',
      summary: 'Show all error codes',
      description: 'The type of a problem is a link to this page.',
      tag,
      scope: 'none',
      responses: { 200: htmlPage },
      handle: () => toHtmlResponse(renderErrorsPage()),
    }),
  ]
}
