import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorDetail, GraftError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
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

/**
 * Responds with a problem to requests that Node cannot parse, and closes their connections.
 * @param isResponding returns whether a response is being sent on the connection, which a problem would corrupt
 */
export function answerRawErrors(server: Server, isResponding: (socket: Socket) => boolean): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (isResponding(socket) || !socket.writable || error.code === 'ECONNRESET') return socket.destroy()
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
