import type { ErrorCode } from '../core/catalogue.ts'
import type { Problem } from '../platform/schemas/common.ts'

/** Seconds after which a caller may try again, by code. */
export const retryAfter: Partial<Record<ErrorCode, string>> = { overloaded: '1', queue_full: '30', shutting_down: '5' }

/** A problem as RFC 9457 sends it. */
export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const retry = retryAfter[problem.code as ErrorCode]
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...(retry && { 'retry-after': retry }), ...headers },
  })
}
