import { Agent, request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

export interface Answer {
  /** 0 if the connection was closed without a response. */
  readonly status: number
  /** The code of a problem, also of one in the shape of MCP. */
  readonly code?: string
  /** The body, parsed if it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests match its fields
  readonly body?: any
}

export interface Sent {
  /** An object is sent as JSON. A stream is read only until the server responds. */
  body?: object | string | Uint8Array | AsyncIterable<Uint8Array>
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal
}

/** A user of the server, with a key. */
export interface Client {
  readonly secret: string
  send(method: string, path: string, sent?: Sent): Promise<Answer>
}

/** No answer of a living server takes as long, even on a busy machine. */
const TIMEOUT_MS = 200_000

const isStream = (body: object): body is AsyncIterable<Uint8Array> => Symbol.asyncIterator in body

export function makeClient(url: string, secret: string): Client {
  // A connection for each request: none is lost because the server closes idle ones.
  const agent = new Agent({ keepAlive: false, maxSockets: 2000 })
  const authorization: Record<string, string> = secret === '' ? {} : { authorization: `Bearer ${secret}` }
  return {
    secret,
    send: (method, path, { body, headers = {}, signal } = {}) =>
      new Promise((resolve, reject) => {
        const content =
          body === undefined || typeof body === 'string' || body instanceof Uint8Array || isStream(body)
            ? body
            : JSON.stringify(body)
        const isWhole = typeof content === 'string' || content instanceof Uint8Array
        const sending = request(new URL(`${url}${path}`), {
          method,
          agent,
          signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            ...authorization,
            ...(content !== body && { 'content-type': 'application/json' }),
            ...(isWhole && { 'content-length': Buffer.byteLength(content) }),
            ...headers,
          },
        })
        let hasResponse = false
        sending.on('error', (error) => {
          if (hasResponse) return
          if (signal === undefined && error.name !== 'Error') reject(error)
          else resolve({ status: 0, body: error.message })
        })
        sending.on('response', (response) => {
          hasResponse = true
          const { statusCode: status = 0 } = response
          text(response).then(
            (content) => resolve({ status, ...parse(content) }),
            (error: Error) => resolve({ status, body: error.message }),
          )
        })
        if (content === undefined || isWhole) sending.end(content)
        else pour(content, sending)
      }),
  }
}

/** Writes a stream until it ends or the connection is closed. */
function pour(body: AsyncIterable<Uint8Array>, to: NodeJS.WritableStream): void {
  const stream = body instanceof Readable ? body : Readable.from(body)
  to.on('close', () => stream.destroy())
  to.on('error', () => stream.destroy())
  stream.on('error', () => {})
  stream.pipe(to)
}

function parse(content: string): Pick<Answer, 'code' | 'body'> {
  try {
    const body = JSON.parse(content)
    const code = body?.code ?? body?.error?.data?.code ?? body?.error?.code
    return { body, ...(typeof code === 'string' && { code }) }
  } catch {
    return { body: content }
  }
}
