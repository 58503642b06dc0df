import type { ErrorCode } from '../core/catalogue.ts'
import type { Route } from './route.ts'

/** Errors of HTTP itself, which are returned before a request reaches its route. */
export const RAW_ERROR_CODES: readonly ErrorCode[] = [
  'request_malformed',
  'request_timeout',
  'headers_too_large',
  'shutting_down',
]

/** Errors that any work may end with, because of the machine or a bug. */
const ANYWHERE: readonly ErrorCode[] = ['internal', 'file_inaccessible', 'installation_broken', 'system_failed']

/**
 * Returns every error that a route may respond with: those that it declares, and those that follow from its
 * declaration.
 */
export function errorCodesOf({ scope, params, query, headers, json, upload, errors = [] }: Route): Set<ErrorCode> {
  const codes = new Set<ErrorCode>([...RAW_ERROR_CODES, 'host_not_allowed', ...ANYWHERE, ...errors])
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
