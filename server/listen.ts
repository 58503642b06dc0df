import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Hono } from 'hono'
import { fail } from '../core/errors.ts'
import type { Access } from '../platform/use-cases/access.ts'
import type { AppEnv } from './app-env.ts'
import { type Connections, trackConnections } from './connections.ts'
import { type DiscardLimits, discardBody } from './discard-body.ts'
import { isLoopback } from './loopback-guard.ts'
import { answerRawErrors, rawErrorResponse } from './raw-errors.ts'

export interface ListenOptions {
  /** The address to listen on. Defaults to `127.0.0.1`. An address that other machines can reach requires keys. */
  host?: string
  /** The keys that the app requires. If not set, there are none. */
  access?: Access
  /** Defaults to 0, which takes any free port. */
  port?: number
  /** Seconds after which `close` cuts the connections of responses that have not finished. Defaults to 30. */
  graceSeconds?: number
  /** Seconds within which the headers of a request must arrive. Defaults to 15. */
  headerSeconds?: number
  /** Limits of reading the rest of a body that was refused. Defaults to pauses of 5 seconds, and 2 minutes in all. */
  discardLimits?: DiscardLimits
  /** Connections open at a time. Idle ones are closed to make room for others. Defaults to 4,096. */
  maxConnections?: number
}

/**
 * The time after which an idle connection is closed. It is longer than the 60 seconds of common load balancers, which
 * would otherwise send a request on a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 75_000

export interface RunningServer {
  url: string
  /**
   * Stops accepting requests, and resolves when all accepted requests have been answered. Event streams end at once.
   * The engine stays open.
   */
  close(): Promise<void>
}

/**
 * Serves the app over HTTP.
 * @throws GraftError `usage` if other machines can reach the address and there are no keys, or if the address cannot be
 * used
 */
export async function listen(app: Hono<AppEnv>, options: ListenOptions = {}): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 0, graceSeconds = 30, headerSeconds = 15, maxConnections = 4096, access } = options
  const { discardLimits = { idleSeconds: 5, totalSeconds: 120 } } = options
  if (!isLoopback(host) && !(await access?.hasKeys())) throwKeysRequired(host)
  const connections = trackConnections()
  const shutdown = new AbortController()
  let closing: Promise<void> | undefined

  const respond = getRequestListener(
    (request, { incoming, outgoing }) => {
      if (closing !== undefined) return rawErrorResponse('shutting_down')
      if (incoming.headers.host === undefined) return rawErrorResponse('request_malformed')
      return app.fetch(request, {
        incoming: incoming as IncomingMessage,
        shutdown: shutdown.signal,
        sent: connections.whenSent(outgoing as ServerResponse),
      })
    },
    { overrideGlobalObjects: false, autoCleanupIncoming: false, errorHandler: toUnreadableResponse },
  )
  const headersTimeout = headerSeconds * 1000
  // The routes limit the time of bodies themselves: an upload may take as long as it needs.
  const timeouts = {
    headersTimeout,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(headersTimeout, 5000),
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    connections.add(response)
    response.once('finish', () => discardBody(request, discardLimits))
    if (closing !== undefined || hasUnreadBody(request)) response.setHeader('connection', 'close')
    void respond(request, response)
  }
  // Node would respond to a request without the header Host with a bare 400 instead of a problem.
  const server = createServer({ ...timeouts, requireHostHeader: false }, onRequest)
  // Node would respond with a bare 417. A server may ignore an expectation that it does not know.
  server.on('checkExpectation', onRequest)
  server.on('connection', connections.open)
  server.maxConnections = maxConnections
  server.on('drop', () => server.closeIdleConnections())
  answerRawErrors(server, connections.isResponding)
  await startListening(server, host, port)

  const { port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close() {
      closing ??= drain(server, connections, graceSeconds)
      shutdown.abort()
      return closing
    },
  }
}

/** Returns the response to a request whose URL is invalid, so that it never reaches the app. */
function toUnreadableResponse(error: unknown): Response {
  return error instanceof RequestError ? rawErrorResponse('request_malformed') : new Response(null, { status: 500 })
}

/** Returns true for a body that no route reads. Node would read it for as long as the client sends it. */
const hasUnreadBody = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)

function drain(server: Server, connections: Connections, graceSeconds: number): Promise<void> {
  for (const response of connections.responses()) {
    if (!response.headersSent) response.setHeader('connection', 'close')
    // The headers have been sent, so the client would keep the connection after the response, for example an event
    // stream. Its half of the connection is not waited for.
    else response.once('finish', () => response.req.socket.destroySoon())
  }
  // Node would wait for connections that have not sent a request yet.
  connections.destroySilent()
  const graceTimer = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000)
  return new Promise((resolve) => {
    server.close(() => {
      clearTimeout(graceTimer)
      resolve()
    })
  })
}

function startListening(server: Server, host: string, port: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    // This listener stays: later errors, such as running out of file handles, pass, but without a listener they would
    // end the process.
    server.on('error', reject)
    server.listen(port, host, () => resolve())
  }).catch((error: NodeJS.ErrnoException) =>
    fail(
      'usage',
      {
        subject: `${host}:${port}`,
        problem: error.code === 'EADDRINUSE' ? 'is already in use' : `cannot be used: ${error.message}`,
        fix: 'Choose another port; port 0 takes any free one.',
      },
      error,
    ),
  )
}

function throwKeysRequired(host: string): never {
  fail('usage', {
    subject: 'host',
    expected: '127.0.0.1, ::1 or localhost as long as there are no keys',
    found: host,
    fix: 'Create a key first: graft key create. Without keys, anyone who reaches the server could use it.',
  })
}
