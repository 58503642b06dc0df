import { EventSourceParserStream } from 'eventsource-parser/stream'

/** The content types in which a client accepts a response. */
export interface Accepted {
  json: boolean
  events: boolean
}

/** Reads an Accept header. Without one, every type is accepted. Graft sends events only to a client that names them. */
export function readAccept(header: string | null): Accepted {
  const types = (header ?? '')
    .toLowerCase()
    .split(',')
    .flatMap((part) => part.split(';')[0].trim() || [])
  const accepts = (...names: string[]) => names.some((name) => types.includes(name))
  return {
    json: types.length === 0 || accepts('application/json', 'application/*', '*/*'),
    events: accepts('text/event-stream', 'text/*'),
  }
}

/** Returns a request that accepts both types, which the SDK requires. */
export function acceptingAll(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.set('accept', 'application/json, text/event-stream')
  // The body has been read already.
  return new Request(request.url, { method: request.method, headers, signal: request.signal })
}

/**
 * Returns a response without a stream: its last events are the body. Progress is left out.
 * @param isBatch whether the client sent a list of messages, and so expects one
 */
export async function toJsonResponse(response: Response, isBatch: boolean): Promise<Response> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) return response
  const answers: unknown[] = []
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of events) {
    const message = data === '' ? undefined : JSON.parse(data)
    if (message?.result !== undefined || message?.error !== undefined) answers.push(message)
  }
  const headers = new Headers(response.headers)
  for (const name of ['connection', 'x-accel-buffering', 'cache-control']) headers.delete(name)
  headers.set('content-type', 'application/json')
  return new Response(JSON.stringify(isBatch ? answers : answers[0]), { status: response.status, headers })
}
