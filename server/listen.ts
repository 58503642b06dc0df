import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Hono } from 'hono'
import { fail } from '../core/errors.ts'
import type { Access } from '../platform/use-cases/access.ts'
import type { Env } from './app-env.ts'
import { isLoopback } from './loopback-guard.ts'
import { answerRawErrors, refusal } from './raw-errors.ts'

export interface ListenOptions {
  /** `127.0.0.1` unless given. One that others reach is taken only where there are keys. */
  host?: string
  /** The keys that the app asks for. */
  access?: Access
  /** 0, unless given, takes one that is free. */
  port?: number
  /** Seconds that answers in flight may take once the server closes; then their connections are cut. 30 unless given. */
  graceSeconds?: number
  /** Seconds until a request's headers must have come. 15 unless given. */
  headerSeconds?: number
}

export interface Listening {
  url: string
  /** Takes no more requests and resolves when all that were taken are answered; streams of events end at once. The engine stays open. */
  close(): Promise<void>
}

/**
 * Serves the app over HTTP.
 * @throws GraftError `usage` for an address that others can reach while there are no keys, or one that cannot be had
 */
export async function listen(app: Hono<Env>, options: ListenOptions = {}): Promise<Listening> {
  const { host = '127.0.0.1', port = 0, graceSeconds = 30, headerSeconds = 15, access } = options
  if (!isLoopback(host) && !(await access?.hasKeys())) refuseOpen(host)
  const sockets = new Set<Socket>()
  const inFlight = new Set<ServerResponse>()
  const ending = new AbortController()
  let closing: Promise<void> | undefined

  const answer = getRequestListener(
    (request, { incoming }) =>
      closing !== undefined
        ? refusal('shutting_down')
        : app.fetch(request, { incoming: incoming as IncomingMessage, closing: ending.signal }),
    { overrideGlobalObjects: false, errorHandler: withoutRequest },
  )
  const headersTimeout = headerSeconds * 1000
  // How long a body may take is the routes' business: an upload takes as long as it takes.
  const timeouts = { headersTimeout, requestTimeout: 0, connectionsCheckingInterval: Math.min(headersTimeout, 5000) }
  const server = createServer(timeouts, (request, response) => {
    inFlight.add(response)
    response.once('close', () => inFlight.delete(response))
    if (closing !== undefined) response.setHeader('connection', 'close')
    void answer(request, response)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  answerRawErrors(server, inFlight)
  await started(server, host, port)

  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close() {
      closing ??= drained(server, sockets, inFlight, graceSeconds)
      ending.abort()
      return closing
    },
  }
}

/** What is no URL never becomes a request for the app. */
function withoutRequest(error: unknown): Response {
  return error instanceof RequestError ? refusal('request_malformed') : new Response(null, { status: 500 })
}

function drained(
  server: Server,
  sockets: ReadonlySet<Socket>,
  inFlight: ReadonlySet<ServerResponse>,
  graceSeconds: number,
): Promise<void> {
  for (const response of inFlight) {
    if (!response.headersSent) response.setHeader('connection', 'close')
    // Too late to say so: the connection would be kept once the answer, a stream say, has ended.
    else response.once('finish', () => response.req.socket.end())
  }
  // Node would wait for a connection on which no request has come yet.
  const answering = new Set([...inFlight].map((response) => response.req.socket))
  for (const socket of sockets) if (!answering.has(socket)) socket.destroy()
  const cut = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000)
  return new Promise((resolve) => {
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
  })
}

function started(server: Server, host: string, port: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    // Later errors, such as a shortage of file handles, pass; one that nobody listens to would end the process.
    server.on('error', reject)
    server.listen(port, host, () => resolve())
  }).catch((error: NodeJS.ErrnoException) =>
    fail(
      'usage',
      {
        subject: `${host}:${port}`,
        expected: 'an address that is free',
        found: error.code === 'EADDRINUSE' ? 'one in use' : error.message,
        fix: 'Choose another port; 0 takes any that is free.',
      },
      error,
    ),
  )
}

function refuseOpen(host: string): never {
  fail('usage', {
    subject: 'host',
    expected: 'an address of this machine alone, 127.0.0.1, ::1 or localhost, as long as there are no keys',
    found: host,
    fix: 'Make a key first: graft key create; without keys, whoever reaches the server may use it.',
  })
}
