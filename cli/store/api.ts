import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import { type ErrorDetail, fail, GraftError } from '../../core/errors.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { graftHome } from '../../platform/store/home.ts'

/** The HTTP API, which every command on the store speaks: of the running server, or of this very process. */
export interface Api {
  /** The server's address; undefined where this process answers itself. */
  readonly url?: string
  /** @throws GraftError that of the answer, where it is a problem */
  request(path: string, init?: RequestInit): Promise<Response>
  /** The answer as it is. @throws GraftError `server_unreachable` */
  send(path: string, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

export interface ApiOptions {
  /** Whether this process shall also run trainings, where there is no server. */
  worker?: boolean
  threads?: number
}

/** What a server leaves in its home for the commands of the same machine. */
export const addressFile = (home: string): string => join(home, 'server.json')

/** The address of the server that serves GRAFT_HOME, where one runs. */
export async function runningServer(): Promise<string | undefined> {
  try {
    const { url } = JSON.parse(readFileSync(addressFile(graftHome()), 'utf8')) as { url: string }
    const { ok } = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(5000) })
    return ok ? url : undefined
  } catch {
    // None, or one that was killed and could not remove its file.
    return undefined
  }
}

/** The API of a server. Its key is GRAFT_API_KEY. */
export function remote(url: string): Api {
  const key = process.env.GRAFT_API_KEY
  const send: Api['send'] = (path, init = {}) => {
    const headers = new Headers(init.headers)
    if (key) headers.set('authorization', `Bearer ${key}`)
    // A stream as a body needs it (Fetch standard).
    return fetch(new URL(path, url), { ...init, headers, duplex: 'half' } as RequestInit).catch((error) =>
      unreachable(url, error),
    )
  }
  return {
    url,
    send,
    request: async (path, init) => answered(await send(path, init)),
    close: async () => {},
  }
}

/** A problem as the error that it tells of; undefined where its code is none of this version's. */
function errorOf(problem: Problem): GraftError | undefined {
  return Object.hasOwn(catalogue, problem.code)
    ? new GraftError(problem.code as ErrorCode, problem as ErrorDetail)
    : undefined
}

/** @throws GraftError why a piece of work failed, where it did */
export function requireSuccess({ error }: { error?: Problem }): void {
  if (error) throw errorOf(error) ?? new Error(`${error.title}: ${error.detail} ${error.fix}`)
}

/** @throws GraftError the problem that the answer is */
export async function answered(response: Response): Promise<Response> {
  if (response.ok) return response
  const text = await response.text()
  const problem = response.headers.get('content-type')?.startsWith('application/problem+json')
    ? (JSON.parse(text) as Problem)
    : undefined
  const error = problem && errorOf(problem)
  if (error) throw error
  return fail('server_unreachable', {
    subject: response.url,
    expected: 'an answer of Graft',
    found: `${response.status} ${text.slice(0, 200)}`,
    fix: 'Check GRAFT_URL: is that a server of this version of Graft?',
  })
}

function unreachable(url: string, error: Error): never {
  const { message } = (error.cause ?? error) as Error
  return fail(
    'server_unreachable',
    {
      subject: url,
      expected: 'a server of Graft',
      found: message,
      fix: 'Start it with graft serve, or leave GRAFT_URL out to work on the store of this machine.',
    },
    error,
  )
}

const JSON_TYPE = { 'content-type': 'application/json' }

export async function getJson<T>(api: Api, path: string): Promise<T> {
  return (await (await api.request(path)).json()) as T
}

export const postJson = <T>(api: Api, path: string, body: unknown = {}): Promise<T> => sendJson(api, 'POST', path, body)
export const putJson = <T>(api: Api, path: string, body: unknown): Promise<T> => sendJson(api, 'PUT', path, body)

async function sendJson<T>(api: Api, method: string, path: string, body: unknown): Promise<T> {
  const response = await api.request(path, { method, headers: JSON_TYPE, body: JSON.stringify(body) })
  return (await response.json()) as T
}

/** Sends what a stream has, as it comes. */
export async function upload<T>(api: Api, path: string, type: string, content: Readable): Promise<T> {
  const response = await api.request(path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: Readable.toWeb(content) as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  return (await response.json()) as T
}

/** Every item of a list, page after page. */
export async function* allPages<T>(api: Api, path: string): AsyncGenerator<T> {
  const query = new URL(path, 'http://localhost')
  for (;;) {
    query.searchParams.set('limit', '100')
    const page = await getJson<{ data: T[]; next_cursor?: string }>(api, `${query.pathname}${query.search}`)
    yield* page.data
    if (page.next_cursor === undefined) return
    query.searchParams.set('cursor', page.next_cursor)
  }
}
