import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type AppOptions, makeApp } from '../../server/app.ts'
import { type Listening, type ListenOptions, listen } from '../../server/listen.ts'
import type { BodyLimits } from '../../server/read-body.ts'
import { type FakePlatform, fakePlatform } from '../platform/fake-platform.ts'

export interface Started extends Listening {
  platform: FakePlatform
}

export type StartOptions = ListenOptions & {
  adapters?: readonly string[]
  /** Of JSON. */
  limits?: Partial<BodyLimits>
  app?: Partial<AppOptions>
  /** What the platform has beyond what the fake has. */
  more?: Partial<FakePlatform>
}

/** A server on a free port, closed when the test ends. */
export async function start({ adapters, limits, app: options, more, ...rest }: StartOptions = {}): Promise<Started> {
  const platform = Object.assign(await fakePlatform(adapters), more)
  const app = makeApp(platform, { version: '1.2.3', limits: { json: limits }, access: rest.access, ...options })
  const listening = await listen(app, { graceSeconds: 1, ...rest })
  onTestFinished(() => listening.close())
  return { ...listening, platform }
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

/** What a problem says, once its status and type have been found to agree with it. */
export async function problemFrom(response: Response): Promise<Problem> {
  const problem = (await response.json()) as Problem
  const type = response.headers.get('content-type')
  if (type !== 'application/problem+json') throw new Error(`${type}: ${JSON.stringify(problem)}`)
  if (problem.status !== response.status) throw new Error(`${problem.status} came as ${response.status}`)
  return problem
}

/** A bare connection, and what came over it until it was closed. */
export function dial(url: string): { socket: Socket; all: Promise<string>; seen(text: string): Promise<void> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    received += chunk
  })
  const all = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(received))
  })
  const seen = async (text: string): Promise<void> => {
    while (!received.includes(text)) await new Promise((resolve) => socket.once('data', resolve))
  }
  return { socket, all, seen }
}

export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
