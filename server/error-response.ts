import type { Context } from 'hono'
import type { ErrorCode } from '../core/catalogue.ts'
import { type ErrorDetail, GraftError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Problem } from '../platform/schemas/common.ts'
import { toPublicProblem } from '../platform/schemas/problem.ts'
import type { AppEnv } from './app-env.ts'

type Headers = Readonly<Record<string, string>>

/** Seconds after which a caller may try again, by error code. `rate_limited` is not here: it computes its own. */
export const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = {
  overloaded: 1,
  prediction_timeout: 5,
  queue_full: 30,
  shutting_down: 5,
}

/** Returns the `retry-after` header of a temporary error, and no headers for other errors. */
export function retryHeadersOf(code: string): Headers {
  const seconds = RETRY_AFTER_SECONDS[code as ErrorCode]
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}

/** Throws a {@link GraftError} whose response has headers of its own, in addition to those of its code. */
export function failWithHeaders(code: ErrorCode, detail: ErrorDetail, headers: Headers): never {
  throw Object.assign(new GraftError(code, detail), { headers })
}

/** Returns a problem as RFC 9457 defines it. */
export function toProblemResponse(problem: Problem): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...retryHeadersOf(problem.code) },
  })
}

/**
 * Returns the response to any thrown value.
 * @param toResponse renders the problem in the error format of the route. Defaults to problem+json.
 */
export function toErrorResponse(
  c: Context<AppEnv>,
  error: unknown,
  logger: Logger,
  toResponse: (problem: Problem) => Response = toProblemResponse,
): Response {
  // The client has gone and reads no response; aborted work is not a failure.
  if (c.req.raw.signal.aborted) return new Response(null, { status: 499 })
  const request_id = c.get('requestId')
  const problem = toPublicProblem(logger, error, request_id)
  // toPublicProblem logs internal errors only, but every other server error needs attention as well.
  if (problem.status >= 500 && !['internal', 'shutting_down'].includes(problem.code))
    logger.error(error, { request_id })
  c.set('errorCode', problem.code)
  const response = toResponse(problem)
  for (const [name, value] of Object.entries(headersOf(error))) response.headers.set(name, value)
  return response
}

const headersOf = (error: unknown): Headers =>
  error instanceof GraftError && 'headers' in error ? (error.headers as Headers) : {}
