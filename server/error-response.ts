import type { ErrorCode } from '../core/catalogue.ts'
import { type ErrorDetail, GraftError } from '../core/errors.ts'

type Headers = Readonly<Record<string, string>>

/** Throws a {@link GraftError} whose answer bears headers of its own, beside those of its code. */
export function refuse(code: ErrorCode, detail: ErrorDetail, headers: Headers): never {
  throw Object.assign(new GraftError(code, detail), { headers })
}

export const refusalHeaders = (error: unknown): Headers =>
  error instanceof GraftError && 'headers' in error ? (error.headers as Headers) : {}
