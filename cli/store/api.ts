import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import { type ErrorDetail, fail, GraftError } from '../../core/errors.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { graftHome } from '../../platform/store/open-store.ts'

/** The HTTP API that every command on the store uses, of a running server or within this process. */
export interface Api {
  /** The address of the server. Not set if this process is the server. */
  readonly url?: string
  /** Sends a request. @throws GraftError if the response is a problem */
  request(path: string, init?: RequestInit): Promise<Response>
  /** Sends a request and returns any response. @throws GraftError `server_unreachable` */
  send(path: string, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

export interface ApiOptions {
  /** True to run trainings in this process if no server is running. Defaults to false. */
  worker?: boolean
  threads?: number
  /** The folder of the base if no server is running. Defaults to the embedded base. */
  base?: string
  /** Seconds that a training in this process runs before the next one gets its turn. */
  sliceSeconds?: number
}

/** The file with the address of a running server, for commands on the same machine. */
export const addressFile = (home: string): string => join(home, 'server.json')

/** Returns the address of the server that serves GRAFT_HOME, or undefined if none is running. */
export async function findRunningServer(): Promise<string | undefined> {
  try {
    const { url } = JSON.parse(readFileSync(addressFile(graftHome()), 'utf8')) as { url: string }
    const { ok } = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(5000) })
    return ok ? url : undefined
  } catch {
    // There is no server, or it was killed and could not remove its file.
    return undefined
  }
}

/** Returns the API of a server. Requests use the key in GRAFT_API_KEY. */
export function connectApi(url: string): Api {
  const key = process.env.GRAFT_API_KEY
  const send: Api['send'] = (path, init = {}) => {
    const headers = new Headers(init.headers)
    if (key) headers.set('authorization', `Bearer ${key}`)
    // The Fetch standard requires `duplex` for a body that is a stream.
    return fetch(new URL(path, url), { ...init, headers, duplex: 'half' } as RequestInit).catch((error) =>
      throwUnreachable(url, error),
    )
  }
  return {
    url,
    send,
    request: async (path, init) => requireOk(await send(path, init)),
    close: async () => {},
  }
}

/** Returns a problem as an error, or undefined if this version does not know its code. */
function toGraftError(problem: Problem): GraftError | undefined {
  return Object.hasOwn(catalogue, problem.code)
    ? new GraftError(problem.code as ErrorCode, problem as ErrorDetail)
    : undefined
}

/** @throws GraftError the error of the work, if it failed */
export function requireSuccess({ error }: { error?: Problem }): void {
  if (error) throw toGraftError(error) ?? new Error(`${error.title}: ${error.detail} ${error.fix}`)
}

/** Returns the response if it is ok. @throws GraftError the problem in the response */
export async function requireOk(response: Response): Promise<Response> {
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
    fix: 'Check that GRAFT_URL is the address of a Graft server of this version.',
  })
}

function throwUnreachable(url: string, error: Error): never {
  const { message } = (error.cause ?? error) as Error
  return fail(
    'server_unreachable',
    {
      subject: url,
      problem: `cannot be reached: ${message}`,
      fix: 'Start a server with graft serve, or unset GRAFT_URL to use the store of this machine.',
    },
    error,
  )
}

const JSON_HEADERS = { 'content-type': 'application/json' }

export async function getJson<T>(api: Api, path: string): Promise<T> {
  return (await (await api.request(path)).json()) as T
}

export const postJson = <T>(api: Api, path: string, body: unknown = {}): Promise<T> => sendJson(api, 'POST', path, body)
export const putJson = <T>(api: Api, path: string, body: unknown): Promise<T> => sendJson(api, 'PUT', path, body)

async function sendJson<T>(api: Api, method: string, path: string, body: unknown): Promise<T> {
  const response = await api.request(path, { method, headers: JSON_HEADERS, body: JSON.stringify(body) })
  return (await response.json()) as T
}

/** Uploads a stream as it is read. */
export async function upload<T>(api: Api, path: string, type: string, content: Readable): Promise<T> {
  const response = await api.request(path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: Readable.toWeb(content) as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  return (await response.json()) as T
}

/** Yields the items of a list, page by page. */
export async function* listAll<T>(api: Api, path: string): AsyncGenerator<T> {
  const query = new URL(path, 'http://localhost')
  for (;;) {
    query.searchParams.set('limit', '100')
    const page = await getJson<{ data: T[]; next_cursor?: string }>(api, `${query.pathname}${query.search}`)
    yield* page.data
    if (page.next_cursor === undefined) return
    query.searchParams.set('cursor', page.next_cursor)
  }
}
