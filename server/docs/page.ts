import type { OpenApi } from '../openapi.ts'
import { type Html, html, page } from './html.ts'
import { type Field, fieldsOf, type Schema, typeText } from './schema-text.ts'

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  description?: string
  schema: Schema
}

type Content = Readonly<Record<string, { schema: Schema; example?: unknown }>>

interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: readonly string[]
  security: readonly Record<string, readonly string[]>[]
  parameters?: readonly Parameter[]
  requestBody?: { description?: string; content: Content }
  responses: Readonly<
    Record<string, { description: string; content?: Content; headers?: Record<string, { description: string }> }>
  >
}

interface Shown extends Operation {
  method: string
  path: string
}

/** The document as a page that a browser shows without running anything. */
export function docsPage({ info, paths = {} }: OpenApi): Html {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(
      ([method, operation]): Shown => ({ ...operation, method: method.toUpperCase(), path }),
    ),
  )
  const groups = [...Map.groupBy(all, ({ tags }) => tags[0])]
  const contents = groups.map(
    ([tag, shown]) =>
      html`<li>${tag}<ul>${shown.map(({ operationId, method, path, summary }) => html`<li><a href="#${operationId}"><code>${method} ${path}</code></a> ${summary}</li>`)}</ul></li>`,
  )
  const sections = groups.map(([tag, shown]) => html`<h2>${tag}</h2>${shown.map(section)}`)
  return page(
    `${info.title} ${info.version}`,
    html`<h1>${info.title} ${info.version}</h1><p>${info.description ?? ''}</p><p><a href="/openapi.json">OpenAPI document</a> · <a href="/docs/errors">errors</a></p><ul>${contents}</ul>${sections}`,
  )
}

function section(shown: Shown): Html {
  const { operationId, method, path, summary, description, requestBody, parameters = [], responses } = shown
  const scope = shown.security.flatMap(({ key }) => key ?? []).join(', ')
  const [type, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const fields = parameters.map((parameter): Field & { in: string } => ({
    name: parameter.name,
    in: parameter.in,
    type: typeText(parameter.schema),
    isRequired: parameter.required ?? false,
    description: parameter.description ?? parameter.schema.description ?? '',
  }))
  return html`<section id="${operationId}"><h3><code>${method} ${path}</code></h3><p>${summary}. ${description ?? ''}</p>${
    scope === '' ? html`` : html`<p>A key needs the scope <code>${scope}</code>.</p>`
  }${fields.length > 0 ? table(fields.map((field) => ({ ...field, type: `${field.type}, in the ${field.in}` }))) : html``}${
    body
      ? html`<p>Body: <code>${Object.keys(requestBody?.content ?? {}).join(', ')}</code> ${requestBody?.description ?? ''}</p>${table(fieldsOf(body.schema))}`
      : html``
  }<pre>${curl(shown, type, body?.example)}</pre>${Object.entries(responses).map(([status, response]) => answer(status, response))}</section>`
}

function answer(status: string, { description, content = {}, headers = {} }: Operation['responses'][string]): Html {
  const json = content['application/json']
  const fields = json ? fieldsOf(json.schema) : []
  const more = Object.entries(headers).filter(([name]) => name !== 'x-request-id')
  const rows = more.map(([name, header]) => html`<tr><td><code>${name}</code></td><td>${header.description}</td></tr>`)
  return html`<details${Number(status) < 300 ? { html: ' open' } : ''}><summary><b>${status}</b> ${description}${
    Object.keys(content).length > 0 ? html` <code>${Object.keys(content).join(', ')}</code>` : html``
  }</summary>${rows.length > 0 ? html`<table>${rows}</table>` : html``}${table(fields)}</details>`
}

function table(fields: readonly Field[]): Html {
  if (fields.length === 0) return html``
  const rows = fields.map(
    ({ name, type, isRequired, description }) =>
      html`<tr><td><code>${name}</code>${isRequired ? '' : ' ?'}</td><td>${type}</td><td>${description}</td></tr>`,
  )
  return html`<table>${rows}</table>`
}

/** A command that asks for it; what stands in braces is to be filled in. */
function curl({ method, path, parameters = [], security }: Shown, type: string | undefined, example: unknown): string {
  const needed = parameters.filter(({ in: place, required }) => place === 'query' && required)
  const query = needed.map(({ name }) => `${name}={${name}}`).join('&')
  const isStream = path.endsWith('/events')
  return [
    `curl ${isStream ? '-N ' : ''}${method === 'GET' || (method === 'POST' && type) ? '' : `-X ${method} `}'http://localhost:8080${path}${query && `?${query}`}'`,
    security.some(({ key }) => key) && `-H "authorization: Bearer $GRAFT_API_KEY"`,
    type && `-H 'content-type: ${type}'`,
    example !== undefined && `-d '${JSON.stringify(example)}'`,
    type && example === undefined && '--data-binary @{file}',
  ]
    .filter(Boolean)
    .join(' \\\n  ')
}
