import { setTimeout as delay } from 'node:timers/promises'
import { GraftError } from '../../core/errors.ts'
import { isLostConnection } from '../../core/lost-connection.ts'
import { withDeadline } from '../../core/with-deadline.ts'
import type { HubSettings } from './settings.ts'
import { throwCorruptDownload, throwHubResponse, throwUnreachable } from './throw-errors.ts'

const ATTEMPTS = 5
const TIMEOUT_MS = 30_000
const RETRY_MS = 500
const MAX_RETRY_MS = 30_000
/** The slowest upload that is waited for, in bytes a millisecond. */
const MIN_UPLOAD_RATE = 20
/** The largest response of the API. A list of a thousand files is far smaller. */
const MAX_RESPONSE_BYTES = 2 ** 24

export const attemptsOf = ({ attempts = ATTEMPTS }: HubSettings): number => attempts

export const timeoutOf = ({ timeoutMs = TIMEOUT_MS }: HubSettings): number => timeoutMs

/** Returns the pause before a repetition of a request. @param repetition counts from 0 */
export const pauseOf = ({ retryMs = RETRY_MS }: HubSettings, repetition: number): number =>
  Math.min(retryMs * 2 ** repetition, MAX_RETRY_MS)

/**
 * Makes the function with which the library sends requests to the API of the hub. Only the hub gets the token, and not
 * another host that it names. Requests without a response are repeated, and so are those with 429 or a server error.
 * @param subject the repository, for errors
 * @param passes returns whether the caller handles a response that is not ok. Defaults to none
 * @returns a function that throws GraftError `hub_denied`, `hub_missing`, `hub_unavailable`, `hub_refused` and
 *   `hub_corrupt`
 */
export function makeHubFetch(
  settings: HubSettings,
  subject: string,
  passes: (status: number) => boolean = () => false,
): typeof fetch {
  return async (input, init = {}) => {
    const url = String(input)
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === attemptsOf(settings)
      try {
        const { response, body } = await exchange(url, init, settings, subject)
        if (response.ok || passes(response.status))
          return new Response([204, 205, 304].includes(response.status) ? null : body, response)
        if (isLast || !isTransient(response.status) || !isRepeatable(init, response.status))
          throwHubResponse(response, body.toString(), subject, settings)
        await delay(retryAfter(response) ?? pauseOf(settings, attempt - 1))
      } catch (error) {
        if (isLast || !isRepeatable(init) || !isConnectionFailure(error)) throwFailure(error, settings)
        await delay(pauseOf(settings, attempt - 1))
      }
    }
  }
}

/** Sends a request and reads the whole response. */
async function exchange(
  url: string,
  init: RequestInit,
  settings: HubSettings,
  subject: string,
): Promise<{ response: Response; body: Buffer<ArrayBuffer> }> {
  const bytes = init.body instanceof Blob ? init.body.size : 0
  const milliseconds = timeoutOf(settings) + bytes / MIN_UPLOAD_RATE
  return withDeadline(
    async (signal) => {
      const response = await fetch(url, { ...init, headers: withToken(url, init.headers, settings), signal })
      return { response, body: await readBody(response, subject) }
    },
    milliseconds,
    makeTimeout,
    init.signal ?? undefined,
  )
}

/** Returns the headers of a request. Only one to the hub itself has the token; `fetch` removes it from redirects. */
export function withToken(url: string, given: RequestInit['headers'], { endpoint, token }: HubSettings): Headers {
  const headers = new Headers(given)
  headers.delete('authorization')
  if (token && new URL(url).origin === new URL(endpoint).origin) headers.set('authorization', `Bearer ${token}`)
  return headers
}

export const makeTimeout = (): Error => new DOMException('the response took too long', 'TimeoutError')

/** Reads a response of limited size. @throws GraftError `hub_corrupt` if it is larger */
export async function readBody({ body }: Response, subject: string): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > MAX_RESPONSE_BYTES)
      throwCorruptDownload(subject, `a response of at most ${MAX_RESPONSE_BYTES} bytes from the hub`, 'more')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Returns whether a response may differ if the request is repeated. */
export const isTransient = (status: number): boolean => status === 429 || status >= 500

/**
 * Returns whether a request may be repeated. One that creates something may have been executed, unless the response
 * says that it was not.
 */
const isRepeatable = ({ method = 'GET' }: RequestInit, status?: number): boolean =>
  ['GET', 'PUT'].includes(method) || status === 429 || status === 503

/** Returns the milliseconds that a response asks to wait, if it does and they are not too many. */
export function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 && seconds * 1000 <= MAX_RETRY_MS ? seconds * 1000 : undefined
}

/** Throws an error of Graft as it is, and another one of a connection as `hub_unavailable`. */
export function throwFailure(error: unknown, settings: HubSettings): never {
  if (error instanceof GraftError) throw error
  const reason = describeFailure(error)
  if (reason === undefined) throw error
  throwUnreachable(settings, reason, error)
}

/** Makes the error of a connection that ended early. */
export const makeConnectionError = (reason: string): Error => new DOMException(reason, 'NetworkError')

/** Returns whether another attempt may succeed, because the connection failed. */
export const isConnectionFailure = (error: unknown): boolean => describeFailure(error) !== undefined

/** Describes the error of a connection, or returns undefined for any other error. */
function describeFailure(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (['TimeoutError', 'NetworkError'].includes(error.name)) return error.message
  if (isLostConnection(error)) return String((error as NodeJS.ErrnoException).code ?? describeFailure(error.cause))
  // `fetch` throws a TypeError with one of these messages for any failure of a connection.
  if (error.message !== 'fetch failed' && error.message !== 'terminated') return undefined
  return error.cause instanceof Error ? error.cause.message : error.message
}
