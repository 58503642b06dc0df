import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type AppOptions, makeApp } from '../../server/app.ts'
import { type ListenOptions, listen, type RunningServer } from '../../server/listen.ts'
import type { BodyLimits } from '../../server/read-body.ts'
import { afterFile } from '../after-file.ts'
import { type FakePlatform, fakePlatform } from '../platform/fake-platform.ts'

export interface TestServer extends RunningServer {
  platform: FakePlatform
}

export type StartOptions = ListenOptions & {
  adapters?: readonly string[]
  /** Limits of JSON bodies. */
  jsonLimits?: Partial<BodyLimits>
  appOptions?: Partial<AppOptions>
  /** Parts that replace those of the fake platform. */
  platformParts?: Partial<FakePlatform>
}

/** Starts a server on a free port and closes it when the test ends. */
export async function start(options: StartOptions = {}): Promise<TestServer> {
  const server = await open(options)
  onTestFinished(() => server.close())
  return server
}

/** Starts a server for all tests of a file. */
export async function startShared(options: StartOptions = {}): Promise<TestServer> {
  const server = await open(options)
  afterFile(() => server.close())
  return server
}

async function open({
  adapters,
  jsonLimits: limits,
  appOptions: options,
  platformParts: more,
  ...rest
}: StartOptions): Promise<TestServer> {
  const platform = Object.assign(await fakePlatform(adapters), more)
  const app = makeApp(platform, { version: '1.2.3', bodyLimits: { json: limits }, access: rest.access, ...options })
  return { ...(await listen(app, { graceSeconds: 1, ...rest })), platform }
}

export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...init.headers }
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  return fetch(`${url}/v1/predictions`, { method: 'POST', ...init, headers, body: text as RequestInit['body'] })
}

export interface Problem {
  code: string
  status: number
  [member: string]: unknown
}

/** Returns a problem, after checking that its status and content type agree with the response. */
export async function readProblem(response: Response): Promise<Problem> {
  const problem = (await response.json()) as Problem
  const type = response.headers.get('content-type')
  if (type !== 'application/problem+json') throw new Error(`${type}: ${JSON.stringify(problem)}`)
  if (problem.status !== response.status)
    throw new Error(`problem of status ${problem.status} was sent with status ${response.status}`)
  return problem
}

/** Opens a raw connection. `received` resolves with everything that was received when the connection closes. */
export function openSocket(url: string): {
  socket: Socket
  received: Promise<string>
  waitFor(text: string): Promise<void>
} {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    text += chunk
  })
  const received = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(text))
  })
  const waitFor = async (expected: string): Promise<void> => {
    while (!text.includes(expected)) await new Promise((resolve) => socket.once('data', resolve))
  }
  return { socket, received, waitFor }
}

export const waitUntil = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
