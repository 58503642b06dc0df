import { type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorDetail, GraftError, toPlain } from '../core/errors.ts'
import { toProblem } from '../platform/schemas/problem.ts'
import { toProblemResponse } from './error-response.ts'

const DETAILS = {
  request_timeout: {
    subject: 'the headers',
    problem: 'did not all arrive in time',
    fix: 'Send all headers at once.',
  },
  shutting_down: {
    subject: 'the server',
    problem: 'is shutting down and accepts no new requests',
    fix: 'Try again when it has restarted.',
  },
  headers_too_large: {
    subject: 'the headers',
    problem: 'are larger than 16 KiB, counting the URL',
    fix: 'Send long values in the body.',
  },
  request_malformed: {
    subject: 'the request',
    problem: 'is not valid HTTP/1.1 (RFC 9112)',
    fix: 'Use a client that speaks HTTP.',
  },
} as const satisfies Record<string, ErrorDetail>

type RawErrorCode = keyof typeof DETAILS

const rawProblemOf = (code: RawErrorCode) => toProblem(toPlain(new GraftError(code, DETAILS[code])))

/** Returns the response to a request that does not reach the app. */
export const rawErrorResponse = (code: RawErrorCode): Response => toProblemResponse(rawProblemOf(code))

/** Responds with a problem to requests that Node cannot parse, and closes their connections. */
export function answerRawErrors(server: Server, inFlight: ReadonlySet<ServerResponse>): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const isResponding = [...inFlight].some((response) => response.socket === socket)
    if (isResponding || !socket.writable || error.code === 'ECONNRESET') return socket.destroy()
    const problem = rawProblemOf(codeOf(error))
    const body = JSON.stringify(problem)
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'connection: close',
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    return socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  })
}

function codeOf({ code }: NodeJS.ErrnoException): RawErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'request_malformed'
}
