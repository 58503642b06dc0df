import { z } from 'zod'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { retryHeadersOf } from '../error-response.ts'
import { type ErrorFormat, json } from '../route.ts'

const errorResponse = z.strictObject({
  error: z.strictObject({
    message: z.string().describe('What happened and how to fix it.'),
    type: z.string(),
    param: z.string().nullable().describe('What the error is about.'),
    code: z.string(),
  }),
})

/** Returns the status of an error. OpenAI's API reports invalid requests as 400, never as 422. */
function statusOf(code: ErrorCode): number {
  const { status } = catalogue[code]
  return status === 422 ? 400 : status
}

/** Codes that clients of OpenAI's API look for. All others are the codes of Graft's catalogue. */
const OPENAI_CODES: Partial<Record<ErrorCode, string>> = {
  adapter_unknown: 'model_not_found',
  base_unknown: 'model_not_found',
  key_invalid: 'invalid_api_key',
  rate_limited: 'rate_limit_exceeded',
}

/** OpenAI's names of Graft's fields. */
const OPENAI_PARAMS: Readonly<Record<string, string>> = {
  adapter: 'model',
  base: 'model',
  dataset: 'training_file',
  test_dataset: 'validation_file',
}

/** The error format of OpenAI's API. */
export const openaiErrorFormat: ErrorFormat = {
  schema: errorResponse,
  statusOf,
  toResponse(problem: Problem): Response {
    const body: z.infer<typeof errorResponse> = { error: toOpenaiError(problem) }
    return json(body, { status: statusOf(problem.code as ErrorCode), headers: retryHeadersOf(problem.code) })
  },
}

/** Returns a problem as the `error` of OpenAI's API. */
export function toOpenaiError({ code, subject, detail, fix }: Problem): z.infer<typeof errorResponse>['error'] {
  const errorCode = code as ErrorCode
  const param = (Object.hasOwn(OPENAI_PARAMS, subject) && OPENAI_PARAMS[subject]) || subject
  // A detail begins with its subject, except that the subject may be capitalized.
  const message = `${detail.startsWith(subject) ? param + detail.slice(subject.length) : detail} ${fix}`
  return { message, type: errorTypeOf(statusOf(errorCode)), param, code: OPENAI_CODES[errorCode] ?? errorCode }
}

function errorTypeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
