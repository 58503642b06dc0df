import { type Html, html } from '../../report/html.ts'
import type { OpenApi } from '../openapi.ts'
import { renderPage } from './html.ts'
import { inlineReferences } from './inline-references.ts'
import { describeType, type Field, fieldsOf, type Schema } from './schema-text.ts'

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

interface Endpoint extends Operation {
  method: string
  path: string
}

/** Returns the OpenAPI document as a page that needs no scripts. */
export function renderDocsPage({ info, paths = {}, components }: OpenApi): Html {
  const schemas = components?.schemas as Readonly<Record<string, Schema>>
  const endpoints = Object.entries(inlineReferences(paths, schemas)).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(
      ([method, operation]): Endpoint => ({ ...operation, method: method.toUpperCase(), path }),
    ),
  )
  const groups = [...Map.groupBy(endpoints, ({ tags }) => tags[0])]
  const contents = groups.map(
    ([tag, group]) =>
      html`<li>${tag}<ul>${group.map(({ operationId, method, path, summary }) => html`<li><a href="#${operationId}"><code>${method} ${path}</code></a> ${summary}</li>`)}</ul></li>`,
  )
  const sections = groups.map(([tag, group]) => html`<h2>${tag}</h2>${group.map(renderEndpoint)}`)
  return renderPage(
    `${info.title} ${info.version}`,
    html`<h1>${info.title} ${info.version}</h1><p>${info.description ?? ''}</p><p><a href="/openapi.json">OpenAPI document</a> · <a href="/docs/errors">Error codes</a></p><ul>${contents}</ul>${sections}`,
  )
}

function renderEndpoint(endpoint: Endpoint): Html {
  const { operationId, method, path, summary, description, requestBody, parameters = [], responses } = endpoint
  const scope = endpoint.security.flatMap(({ key }) => key ?? []).join(', ')
  const [type, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const fields = parameters.map(
    (parameter): Field => ({
      name: parameter.name,
      type: `${describeType(parameter.schema)}, in the ${parameter.in}`,
      isRequired: parameter.required ?? false,
      description: parameter.description ?? parameter.schema.description ?? '',
    }),
  )
  return html`<section id="${operationId}"><h3><code>${method} ${path}</code></h3><p>${summary}. ${description ?? ''}</p>${
    scope === '' ? html`` : html`<p>Requires a key with the scope <code>${scope}</code>, if there are keys.</p>`
  }${renderTable(fields)}${
    body
      ? html`<p>Body: <code>${Object.keys(requestBody?.content ?? {}).join(', ')}</code> ${requestBody?.description ?? ''}</p>${renderTable(fieldsOf(body.schema))}`
      : html``
  }<pre>${curlCommand(endpoint, type, body?.example)}</pre>${Object.entries(responses).map(([status, response]) => renderResponse(status, response))}</section>`
}

function renderResponse(
  status: string,
  { description, content = {}, headers = {} }: Operation['responses'][string],
): Html {
  const json = content['application/json']
  const fields = json ? fieldsOf(json.schema) : []
  const ownHeaders = Object.entries(headers).filter(([name]) => name !== 'x-request-id')
  const rows = ownHeaders.map(
    ([name, header]) => html`<tr><td><code>${name}</code></td><td>${header.description}</td></tr>`,
  )
  return html`<details${Number(status) < 300 ? { html: ' open' } : ''}><summary><b>${status}</b> ${description}${
    Object.keys(content).length > 0 ? html` <code>${Object.keys(content).join(', ')}</code>` : html``
  }</summary>${rows.length > 0 ? html`<table>${rows}</table>` : html``}${renderTable(fields)}</details>`
}

function renderTable(fields: readonly Field[]): Html {
  if (fields.length === 0) return html``
  const rows = fields.map(
    ({ name, type, isRequired, description }) =>
      html`<tr><td><code>${name}</code>${isRequired ? '' : ' (optional)'}</td><td>${type}</td><td>${description}</td></tr>`,
  )
  return html`<table>${rows}</table>`
}

/** Returns a curl command for the endpoint, with placeholders in braces. */
function curlCommand(
  { method, path, parameters = [], security }: Endpoint,
  type: string | undefined,
  example: unknown,
): string {
  const required = parameters.filter(({ in: place, required }) => place === 'query' && required)
  const query = required.map(({ name }) => `${name}={${name}}`).join('&')
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
