import { type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { catalogue } from '../../core/catalogue.ts'
import { readProblem, start } from './start.ts'

interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean; description?: string }[]
  requestBody?: { content: Record<string, { schema: unknown; example?: unknown }> }
  responses: Record<
    string,
    { description: string; content?: Record<string, unknown>; headers: Record<string, unknown> }
  >
}

async function fetchDocument() {
  const { url } = await start()
  const response = await fetch(`${url}/openapi.json`)
  expect(response.headers.get('content-type')).toBe('application/json')
  const { openapi, paths, components } = (await response.json()) as {
    openapi: string
    components: { schemas: Record<string, object> }
    paths: Record<string, Record<string, Operation>>
  }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, ...operation })),
  )
  return { url, openapi, operations, paths, schemas: components.schemas }
}

test('the document is OpenAPI 3.1 and has every route with a unique operation id', async () => {
  const { openapi, operations } = await fetchDocument()
  expect(openapi).toBe('3.1.0')
  expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(
    [
      'POST /v1/predictions',
      'POST /predict',
      'POST /',
      ...['GET /v1/adapters', 'POST /v1/adapters', 'GET /v1/adapters/{id}', 'DELETE /v1/adapters/{id}'],
      'GET /v1/adapters/{id}/archive',
      ...['GET /v1/trainings', 'POST /v1/trainings', 'GET /v1/trainings/{id}', 'GET /v1/trainings/{id}/events'],
      ...['cancel', 'pause', 'resume'].map((move) => `POST /v1/trainings/{id}/${move}`),
      ...['GET /v1/evaluations', 'POST /v1/evaluations', 'GET /v1/evaluations/{id}'],
      ...['GET /v1/comparisons', 'POST /v1/comparisons', 'GET /v1/comparisons/{id}'],
      'GET /v1/comparisons/{id}/report',
      ...['GET /v1/datasets', 'POST /v1/datasets', 'GET /v1/datasets/{id}', 'DELETE /v1/datasets/{id}'],
      ...['GET /v1/aliases', 'GET /v1/aliases/{name}', 'PUT /v1/aliases/{name}', 'DELETE /v1/aliases/{name}'],
      'GET /v1/aliases/{name}/moves',
      ...['GET /v1/files', 'POST /v1/files', 'GET /v1/files/{file_id}', 'DELETE /v1/files/{file_id}'],
      'GET /v1/files/{file_id}/content',
      ...['GET /v1/fine_tuning/jobs', 'POST /v1/fine_tuning/jobs', 'GET /v1/fine_tuning/jobs/{job_id}'],
      ...['cancel', 'pause', 'resume'].map((move) => `POST /v1/fine_tuning/jobs/{job_id}/${move}`),
      ...['events', 'checkpoints'].map((list) => `GET /v1/fine_tuning/jobs/{job_id}/${list}`),
      ...['GET /v1/models', 'GET /v1/models/{model}', 'DELETE /v1/models/{model}', 'POST /v1/chat/completions'],
      ...['GET /v1/bases', 'GET /v1/bases/{id}', 'GET /v1/parameters'],
      ...['GET /v1/webhooks', 'POST /v1/webhooks', 'DELETE /v1/webhooks/{id}'],
      'GET /v1/webhooks/{id}/deliveries',
      'GET /v1/caller',
      ...['GET /v1/keys', 'POST /v1/keys', 'DELETE /v1/keys/{id}'],
      ...['GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /openapi.json', 'GET /', 'GET /docs', 'GET /docs/errors'],
    ].sort(),
  )
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
})

/** Returns every object in a value, the outer ones first. */
function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [...(Array.isArray(value) ? [] : [value]), ...Object.values(value).flatMap(objectsIn)]
}

test('schemas have names, under which all routes refer to them', async () => {
  const { paths, schemas } = await fetchDocument()
  const own = ['Adapter', 'Alias', 'Base', 'Comparison', 'Dataset', 'Evaluation', 'Key', 'Prediction', 'Problem']
  const others = ['Training', 'TrainingPlan', 'TrainingStatus', 'OpenaiCompletion', 'OpenaiJob', 'TeiPredictResponse']
  for (const name of [...own, ...others]) expect(schemas).toHaveProperty(name)
  const withoutDescription = (schema: object) => JSON.stringify({ ...schema, description: undefined })
  const names = new Map(Object.entries(schemas).map(([name, schema]) => [withoutDescription(schema), name]))
  expect(names.size).toBe(Object.keys(schemas).length)
  const used = [...Object.values(schemas).flatMap((schema) => Object.values(schema)), paths].flatMap(objectsIn)
  for (const schema of used) {
    if ('$ref' in schema) expect(schemas).toHaveProperty(String(schema.$ref).replace('#/components/schemas/', ''))
    if ('type' in schema && schema.type === 'object') expect(names.get(withoutDescription(schema))).toBeUndefined()
  }
})

/** Returns the status of an error on a route. The contracts of other APIs have their own statuses for some errors. */
function statusOf({ path, tags }: { path: string; tags: readonly string[] }, status: number): number {
  if (path === '/predict' || (path === '/' && tags.includes('Predictions')))
    return status >= 500 && status !== 503 ? 424 : status
  return tags.includes('OpenAI') && status === 422 ? 400 : status
}

test('every response has a description, and every error its codes under the status of the catalogue', async () => {
  const { operations } = await fetchDocument()
  for (const operation of operations)
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(description).toBeTruthy()
      for (const [, code] of description.matchAll(/`(\w+)`/g)) {
        const expected = statusOf(operation, catalogue[code as keyof typeof catalogue].status)
        expect([operation.path, status]).toEqual([operation.path, String(expected)])
      }
    }
})

test('every summary is a phrase without a period, and every description is in sentences', async () => {
  const { operations } = await fetchDocument()
  for (const { summary, description = '.', responses } of operations) {
    expect(summary).toMatch(/^[A-Z].*[^.]$/)
    expect(description).toMatch(/\.$/)
    for (const response of Object.values(responses)) expect(response.description).toMatch(/^[A-Z`].*\.$/)
  }
})

test('routes declare the scope of their key, their headers, and retry-after where it applies', async () => {
  const { operations } = await fetchDocument()
  const operation = (id: string) => operations.find(({ operationId }) => operationId === id) as Operation
  expect(operation('postPredictions').security).toEqual([{}, { key: ['predict'] }])
  expect(operation('getHealthz').security).toEqual([])
  expect(Object.keys(operation('postPredictions').responses['429'].headers)).toContain('retry-after')
  expect(Object.keys(operation('postPredictions').responses['401'].headers)).toContain('www-authenticate')
  const header = operation('postTrainings').parameters?.find(({ name }) => name === 'idempotency-key')
  expect(header).toMatchObject({ in: 'header', required: false })
  expect(operation('getTrainingsIdEvents').parameters?.map(({ name }) => name)).toContain('last-event-id')
})

test('the routes accept the examples of the document', async () => {
  const { url, operations } = await fetchDocument()
  const examples = operations.flatMap(({ method, path, tags, requestBody }) =>
    Object.values(requestBody?.content ?? {}).flatMap(({ example }) =>
      example ? [{ method: method.toUpperCase(), path, tags, example }] : [],
    ),
  )
  expect(examples.length).toBeGreaterThanOrEqual(5)
  for (const { method, path, tags, example } of examples) {
    const headers = { 'content-type': 'application/json' }
    const target = url + path.replace('{name}', 'production')
    const response = await fetch(target, { method, headers, body: JSON.stringify(example) })
    const isOwn = path !== '/predict' && path !== '/' && !tags.includes('OpenAI')
    if (!response.ok && isOwn) expect(await readProblem(response)).not.toMatchObject({ status: 422 })
    const invalidStatus = tags.includes('OpenAI') ? 400 : 422
    expect([path, response.status]).not.toEqual([path, invalidStatus])
  }
})

test('the reference page has every route, and runs and loads nothing', async () => {
  const { url, operations } = await fetchDocument()
  const response = await fetch(`${url}/docs`)
  const policy = response.headers.get('content-security-policy')
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*'; frame-ancestors 'none'/)
  const page = await response.text()
  for (const { operationId, summary } of operations) {
    expect(page).toContain(`id="${operationId}"`)
    expect(page).toContain(summary.replaceAll("'", '&#39;'))
  }
  expect(page).not.toMatch(/<script|<link|<img|https?:\/\/(?!localhost|www\.w3|example\.com)/)
  expect(page).toContain('curl')
  expect(page).toContain('<code>plan.held_out</code>')
  expect(page).not.toMatch(/undefined|\[object/)
})

test('every response has security headers for browsers', async () => {
  const { url } = await start()
  for (const path of ['/healthz', '/docs/errors', '/nothing', '/v1/adapters']) {
    const { headers } = await fetch(url + path)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
  }
})

test('the document is compressed for clients that read gzip: less than a tenth is sent', async () => {
  const { url } = await start()
  const get = async (encoding: string) => {
    // A client that does not decompress: node:http shows what is sent.
    const response = await new Promise<IncomingMessage>((resolve) =>
      request(`${url}/openapi.json`, { headers: { 'accept-encoding': encoding } }, resolve).end(),
    )
    return { headers: response.headers, body: await buffer(response) }
  }
  const plain = await get('identity')
  expect(plain.headers['content-encoding']).toBeUndefined()
  const [gzip, again] = [await get('gzip, br'), await get('gzip')]
  expect(gzip.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'application/json' })
  for (const { headers } of [plain, gzip]) expect(headers.vary).toContain('accept-encoding')
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true)
  expect(again.body.equals(gzip.body)).toBe(true)
  expect(gzip.body.length).toBeLessThan(plain.body.length / 10)
})
