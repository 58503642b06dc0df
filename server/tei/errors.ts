import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { retryHeadersOf } from '../error-response.ts'
import type { ErrorFormat } from '../route.ts'
import { type ErrorResponse, errorResponse } from './schemas.ts'

/**
 * Returns the status that text-embeddings-inference uses for an error. Server errors are 424, unless they are
 * temporary.
 */
function teiStatusOf(code: ErrorCode): number {
  const { status } = catalogue[code]
  return status >= 500 && status !== 503 ? 424 : status
}

/** Returns a problem in the error format of text-embeddings-inference. */
export function toTeiResponse({ code, detail, fix }: Problem): Response {
  const errorCode = code as ErrorCode
  const status = teiStatusOf(errorCode)
  return teiErrorResponse(status, `${detail} ${fix}`, errorTypeOf(errorCode, status), retryHeadersOf(code))
}

/** The error format of text-embeddings-inference, which clients of Hugging Face read. */
export const teiErrorFormat: ErrorFormat = { schema: errorResponse, statusOf: teiStatusOf, toResponse: toTeiResponse }

export function teiErrorResponse(
  status: number,
  error: string,
  error_type: ErrorResponse['error_type'],
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body: ErrorResponse = { error, error_type }
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

function errorTypeOf(code: ErrorCode, status: number): ErrorResponse['error_type'] {
  if (code === 'text_invalid') return 'Tokenizer'
  if (status === 424) return 'Backend'
  if (status === 429) return 'Overloaded'
  return status === 503 ? 'Unhealthy' : 'Validation'
}
