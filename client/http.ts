import { catalogue, type ErrorCode } from '../core/catalogue.ts'
import { type ErrorDetail, fail, GraftError } from '../core/errors.ts'
import type { Problem } from '../platform/schemas/common.ts'

/** Sends a request and returns any response. */
export type Send = (path: string, init?: RequestInit) => Promise<Response>

/** Sends requests. Each throws the {@link GraftError} in the response if it is a problem. */
export interface Http {
  request: Send
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, headers?: HeaderFields): Promise<T>
  upload<T>(path: string, type: string, content: UploadContent, headers?: HeaderFields): Promise<T>
  /** Yields the items of a list, page by page. */
  list<T>(path: string, query?: Query): AsyncGenerator<T, void, undefined>
}

/** The bytes of an upload, at once or as a stream. */
export type UploadContent = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>

type HeaderFields = Readonly<Record<string, string>>
/** The fields of a query. A list is written as one text with commas. */
type Query = Readonly<Record<string, unknown>>

const PAGE_SIZE = 100

export function makeHttp(send: Send): Http {
  const request: Send = async (path, init) => requireOk(await send(path, init))
  const read = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await request(path, init)
    return (response.status === 204 ? undefined : await response.json()) as T
  }
  // The events of a training are a stream unless the client accepts only JSON.
  const get: Http['get'] = (path) => read(path, { headers: { accept: 'application/json' } })
  return {
    request,
    get,
    send: (method, path, body, headers) =>
      read(path, {
        method,
        ...(body === undefined
          ? { headers }
          : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
      }),
    // The Fetch standard requires `duplex` for a body that is a stream.
    upload: (path, type, body, headers) =>
      read(path, {
        method: 'POST',
        headers: { 'content-type': type, ...headers },
        body,
        duplex: 'half',
      } as RequestInit),
    async *list<T>(path: string, query: Query = {}) {
      for (let cursor: string | undefined; ; ) {
        const page = await get<{ data: T[]; next_cursor?: string }>(
          withQuery(path, { ...query, limit: PAGE_SIZE, cursor }),
        )
        yield* page.data
        cursor = page.next_cursor
        if (cursor === undefined) return
      }
    },
  }
}

/** Returns the path with the fields of the query that are set. */
export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  return search.size > 0 ? `${path}?${search}` : path
}

/** Returns the headers of a request that is safe to repeat. */
export const idempotencyHeaders = (key: string | undefined): HeaderFields | undefined =>
  key === undefined ? undefined : { 'idempotency-key': key }

/** Returns a problem as an error, or undefined if this version does not know its code. */
function toGraftError(problem: Problem): GraftError | undefined {
  return Object.hasOwn(catalogue, problem.code)
    ? new GraftError(problem.code as ErrorCode, problem as ErrorDetail)
    : undefined
}

/** @throws GraftError the error of a training, an evaluation or a comparison, if it failed */
export function requireSuccess({ error }: { error?: Problem }): void {
  if (error) throw toGraftError(error) ?? new Error(`${error.title}: ${error.detail} ${error.fix}`)
}

/** Returns the response if it is ok. @throws GraftError the problem in the response */
async function requireOk(response: Response): Promise<Response> {
  if (response.ok) return response
  const text = await response.text()
  const problem = response.headers.get('content-type')?.startsWith('application/problem+json')
    ? (JSON.parse(text) as Problem)
    : undefined
  const error = problem && toGraftError(problem)
  if (error) throw error
  return fail('server_unreachable', {
    subject: response.url,
    expected: 'a response from Graft',
    found: `${response.status} ${text.slice(0, 200)}`,
    fix: 'Check that this is the address of a Graft server of this version. The command line takes it from GRAFT_URL.',
  })
}
