import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: number | string }
}

interface OtlpTraces {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: { name: string; spanId: string; attributes: Attribute[] }[] }[]
  }[]
}

const toObject = (attributes: readonly Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? (value.intValue && Number(value.intValue))]),
  )

/** Opens a collector of OTLP over HTTP until the test ends. */
export async function openCollector() {
  const received: { path?: string; type?: string; authorization?: string; body: Buffer }[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    const { authorization, 'content-type': type } = request.headers
    received.push({ path: request.url, type, authorization, body })
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const resources = () => received.flatMap(({ body }) => (JSON.parse(body.toString()) as OtlpTraces).resourceSpans)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    /** The attributes of the processes that sent spans as JSON. */
    processes: () => resources().map(({ resource }) => toObject(resource.attributes)),
    /** The spans that were sent as JSON. */
    spans: () =>
      resources()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .map((span) => ({ ...span, attributes: toObject(span.attributes) })),
  }
}
