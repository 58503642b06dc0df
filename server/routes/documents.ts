import { z } from 'zod'
import { errorsPage } from '../docs/errors-page.ts'
import { type Html, htmlResponse } from '../docs/html.ts'
import { docsPage } from '../docs/page.ts'
import { type OpenApi, openApiOf } from '../openapi.ts'
import { json, type Route, route } from '../route.ts'

const tag = 'Server'
const html = { types: ['text/html'] }

/** What tells of the API. @param routes these among them */
export function documents(routes: () => readonly Route[], version: string): Route[] {
  let made: OpenApi | undefined
  const openApi = () => {
    made ??= openApiOf(routes(), version)
    return made
  }
  let page: Html | undefined
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This API as an OpenAPI 3.1 document',
      tag,
      scope: 'none',
      answers: {
        200: { description: 'The document', schema: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }) },
      },
      handle: () => json(openApi()),
    }),
    route({
      method: 'GET',
      path: '/docs',
      summary: 'This API for readers',
      tag,
      scope: 'none',
      answers: { 200: { description: 'A page', ...html } },
      handle() {
        page ??= docsPage(openApi())
        return htmlResponse(page)
      },
    }),
    route({
      method: 'GET',
      path: '/docs/errors',
      summary: "The errors, where a problem's type leads",
      tag,
      scope: 'none',
      answers: { 200: { description: 'A page', ...html } },
      handle: () => htmlResponse(errorsPage()),
    }),
  ]
}
