import { expect, test, vi } from 'vitest'
import { makeApp } from '../../server/app.ts'
import { makeLog } from '../../server/log.ts'
import { startTracing } from '../../server/tracing/start-tracing.ts'
import { fakePlatform } from '../platform/fake-platform.ts'
import { openCollector } from './collector.ts'

const logger = { error: vi.fn() }
const TRACE = '0af7651916cd43dd8448eb211c80319c'

async function predict(traceparent?: string) {
  const lines: string[] = []
  const log = makeLog({ write: (line) => lines.push(line) })
  const app = makeApp(await fakePlatform(), { version: '1', log })
  await app.request('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(traceparent && { traceparent }) },
    body: JSON.stringify({ inputs: ['a secret review', 'good'] }),
  })
  return lines.map((line) => JSON.parse(line))
}

function stubEnv(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
}

test('a request and its prediction are spans of the trace of the client, and the log names the trace', async () => {
  const collector = await openCollector()
  stubEnv({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  })
  const stop = await startTracing(logger, '1.2.3')
  const [line] = await predict(`00-${TRACE}-b7ad6b7169203331-01`)
  await stop?.()

  expect(line).toMatchObject({ route: '/v1/predictions', trace_id: TRACE })
  expect(collector.received).toMatchObject([{ path: '/v1/traces', authorization: 'Bearer collector' }])
  expect(collector.processes()).toMatchObject([
    { 'service.name': 'graft', 'service.version': '1.2.3', 'deployment.environment.name': 'test' },
  ])
  const spans = collector.spans()
  const request = spans.find(({ name }) => name === 'POST /v1/predictions')
  expect(request).toMatchObject({
    traceId: TRACE,
    parentSpanId: 'b7ad6b7169203331',
    kind: 2,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/v1/predictions',
      'http.response.status_code': 200,
      'graft.request.id': line.request_id,
    },
  })
  expect(spans.find(({ name }) => name === 'predict')).toMatchObject({
    traceId: TRACE,
    parentSpanId: request?.spanId,
    attributes: { 'graft.rows': 2, 'graft.adapters': 1 },
  })
  expect(collector.received[0].body.toString()).not.toContain('secret')
})

test('spans are sent as protobuf by default, and OTEL_SERVICE_NAME names the process', async () => {
  const collector = await openCollector()
  stubEnv({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom`, OTEL_SERVICE_NAME: 'reviews' })
  const stop = await startTracing(logger, '1')
  await predict()
  await stop?.()
  const [{ path, type, body }] = collector.received
  expect([path, type]).toEqual(['/custom', 'application/x-protobuf'])
  for (const text of ['reviews', 'POST /v1/predictions', 'predict']) expect(body.includes(text)).toBe(true)
})

test('a collector that does not answer changes no response, is logged once and does not delay the end', async () => {
  stubEnv({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_BSP_SCHEDULE_DELAY: '5' })
  logger.error.mockClear()
  const stop = await startTracing(logger, '1')
  expect(await predict()).toMatchObject([{ status: 200 }])
  expect(await predict()).toMatchObject([{ status: 200 }])
  const started = performance.now()
  await stop?.()
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(logger.error.mock.calls.length).toBeLessThanOrEqual(1)
})

test('without the variables, with empty ones, or with OTEL_SDK_DISABLED nothing is traced', async () => {
  for (const env of [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' },
  ])
    expect(await startTracing(logger, '1', env)).toBeUndefined()
  expect((await predict(`00-${TRACE}-b7ad6b7169203331-01`))[0]).not.toHaveProperty('trace_id')
})

test.each([
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'http/protobuf or http/json'],
  ['OTEL_TRACES_EXPORTER', 'zipkin', 'otlp or none'],
  ['OTEL_TRACES_SAMPLER', 'xray', 'always_on'],
  ['OTEL_TRACES_SAMPLER_ARG', '2', 'a number from 0 to 1'],
  ['OTEL_BSP_SCHEDULE_DELAY', 'soon', 'a whole number'],
])('%s=%s is refused with what is supported', async (name, value, expected) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', [name]: value }
  await expect(startTracing(logger, '1', env)).rejects.toMatchObject({
    code: 'usage',
    detail: { subject: name, expected: expect.stringContaining(expected) },
  })
})
