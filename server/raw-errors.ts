import { type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorDetail, GraftError, toPlain } from '../core/errors.ts'
import { toProblem } from '../platform/schemas/problem.ts'
import { problemResponse } from './problem-response.ts'

const details = {
  request_timeout: {
    subject: 'the request',
    expected: 'all of its headers in time',
    found: 'a connection that stays open without them',
    fix: 'Send the request at once.',
  },
  shutting_down: {
    subject: 'the server',
    expected: 'one that takes requests',
    found: 'one that only finishes what it has',
    fix: 'Try again when it has started anew.',
  },
  headers_too_large: {
    subject: 'the headers',
    expected: 'at most 16 KiB with the address',
    found: 'more',
    fix: 'Send what is long in the body.',
  },
  request_malformed: {
    subject: 'the request',
    expected: 'HTTP/1.1 as RFC 9112 has it',
    found: 'something else',
    fix: 'Ask with a client that speaks HTTP.',
  },
} as const satisfies Record<string, ErrorDetail>

type Refusal = keyof typeof details

const problemFor = (code: Refusal) => toProblem(toPlain(new GraftError(code, details[code])))

/** What is refused before it reaches the app. */
export const refusal = (code: Refusal): Response => problemResponse(problemFor(code))

/** Answers what Node cannot read as a request with a problem, too, and ends the connection. */
export function answerRawErrors(server: Server, inFlight: ReadonlySet<ServerResponse>): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const answering = [...inFlight].some((response) => response.socket === socket)
    if (answering || !socket.writable || error.code === 'ECONNRESET') return socket.destroy()
    const problem = problemFor(codeOf(error))
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

function codeOf({ code }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'request_malformed'
}
