/** Longer than the server's own deadline for predictions. */
const TIMEOUT_MS = 90_000

export interface Answer {
  /** 0 if no response arrived. */
  readonly status: number
  /** The code of a problem. */
  readonly code?: string
  /** The body, parsed if it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: benchmarks read its fields
  readonly body: any
}

export interface Request {
  /** An object is sent as JSON. */
  readonly body?: object | string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A user of a server, with a key. */
export interface KeyedClient {
  send(method: string, path: string, request?: Request): Promise<Answer>
}

/** @param secret the key; empty for a client without one */
export const makeKeyedClient = (url: string, secret: string): KeyedClient => ({
  async send(method, path, { body, headers = {} } = {}) {
    const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(secret !== '' && { authorization: `Bearer ${secret}` }),
          ...(!isRaw && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: (isRaw ? body : JSON.stringify(body)) as RequestInit['body'],
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return { status: response.status, ...parse(await response.text()) }
    } catch (error) {
      const { message, cause } = error as Error
      return { status: 0, body: `${message}: ${cause}` }
    }
  },
})

function parse(text: string): Pick<Answer, 'code' | 'body'> {
  try {
    const body = JSON.parse(text)
    return { body, ...(typeof body?.code === 'string' && { code: body.code }) }
  } catch {
    return { body: text }
  }
}
