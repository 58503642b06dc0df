import type { ErrorCode } from '../core/catalogue.ts'
import type { Route } from './route.ts'

/** What is refused before a request is one that routes see. */
export const BEFORE_ROUTES: readonly ErrorCode[] = [
  'request_malformed',
  'request_timeout',
  'headers_too_large',
  'shutting_down',
]

/** Every error that a route may answer: those that it declares, and those that follow from what it declares. */
export function codesOf({ scope, params, query, headers, json, upload, errors = [] }: Route): Set<ErrorCode> {
  const codes = new Set<ErrorCode>([...BEFORE_ROUTES, 'host_not_allowed', 'internal', ...errors])
  const add = (...more: ErrorCode[]) => {
    for (const code of more) codes.add(code)
  }
  if (scope !== 'none')
    add('key_required', 'key_invalid', 'scope_missing', 'rate_limited', 'overloaded', 'store_unavailable')
  if (params) add('not_found')
  if (query || json || headers) add('body_invalid')
  if (json) add('body_not_json')
  if (json || upload) add('body_type_unsupported', 'body_too_large')
  return codes
}
