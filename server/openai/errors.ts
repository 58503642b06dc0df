import { z } from 'zod'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { retryAfter } from '../problem-response.ts'
import { json, type Refusal } from '../route.ts'

const errorResponse = z.strictObject({
  error: z.strictObject({
    message: z.string().describe('what was expected, what came, and how to fix it'),
    type: z.string(),
    param: z.string().nullable().describe('what it is about'),
    code: z.string(),
  }),
})

/** A wrong request is a bad one there, whatever is wrong with it. */
function statusOf(code: ErrorCode): number {
  const { status } = catalogue[code]
  return status === 422 ? 400 : status
}

/** What clients of OpenAI's look for; other codes are those of Graft's catalogue. */
const codes: Partial<Record<ErrorCode, string>> = {
  adapter_unknown: 'model_not_found',
  base_unknown: 'model_not_found',
  key_invalid: 'invalid_api_key',
  rate_limited: 'rate_limit_exceeded',
}

/** What a request there calls the fields of ours. */
const params: Readonly<Record<string, string>> = {
  adapter: 'model',
  base: 'model',
  dataset: 'training_file',
  test_dataset: 'validation_file',
}

/** How OpenAI's API answers errors. */
export const refusal: Refusal = {
  schema: errorResponse,
  statusOf,
  respond({ code, subject, detail, fix }: Problem): Response {
    const known = code as ErrorCode
    const status = statusOf(known)
    const retry = retryAfter[known]
    const param = params[subject] ?? subject
    const message = `${detail.replace(`${subject}: `, `${param}: `)} ${fix}`
    const body: z.infer<typeof errorResponse> = {
      error: { message, type: typeOf(status), param, code: codes[known] ?? known },
    }
    return json(body, { status, headers: retry ? { 'retry-after': retry } : {} })
  },
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
