import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { retryAfter } from '../problem-response.ts'
import type { ErrorResponse } from './schemas.ts'

/** The status that an error has here: what fails on our side is a failed dependency, unless it passes. */
export function predictStatus(code: ErrorCode): number {
  const { status } = catalogue[code]
  return status >= 500 && status !== 503 ? 424 : status
}

/** A problem as text-embeddings-inference answers errors. */
export function predictProblem({ code, detail, fix }: Problem): Response {
  const known = code as ErrorCode
  const status = predictStatus(known)
  const retry = retryAfter[known]
  return predictError(status, `${detail} ${fix}`, typeOf(known, status), retry ? { 'retry-after': retry } : {})
}

export function predictError(
  status: number,
  error: string,
  error_type: ErrorResponse['error_type'],
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body: ErrorResponse = { error, error_type }
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

function typeOf(code: ErrorCode, status: number): ErrorResponse['error_type'] {
  if (code === 'text_invalid') return 'Tokenizer'
  if (status === 424) return 'Backend'
  if (status === 429) return 'Overloaded'
  return status === 503 ? 'Unhealthy' : 'Validation'
}
