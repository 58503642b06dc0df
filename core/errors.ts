import { catalogue, type ErrorCode } from './catalogue.ts'

/** The subject of an error and how to fix it, with either a mismatch or a problem in between. */
export type ErrorDetail = {
  /** The thing that the error is about: a file, a flag, a tensor, a line. */
  subject: string
  /** Instructions to the reader, in one or two whole sentences. */
  fix: string
} & (Mismatch | Problem)

/** An input that is wrong: "rank: expected a positive integer, but found -1". */
interface Mismatch {
  expected: string
  found: string
  problem?: never
}

/** Anything else that went wrong, as a predicate of the subject: "The training process exited before it finished". */
interface Problem {
  problem: string
  expected?: never
  found?: never
}

/**
 * An error that says what happened and how to fix it. The command line, HTTP and MCP all show the same text.
 *
 * @example
 * const fix = 'See graft train --help.'
 * new GraftError('usage', { subject: '--rank', expected: 'a positive integer', found: '-1', fix })
 */
export class GraftError extends Error {
  readonly code: ErrorCode
  readonly detail: ErrorDetail

  constructor(code: ErrorCode, detail: ErrorDetail, cause?: unknown) {
    super(`${describeProblem(detail)} ${detail.fix}`, { cause })
    this.name = 'GraftError'
    this.code = code
    this.detail = detail
  }
}

/**
 * Throws a {@link GraftError}. The call is an expression of type never, so it can be used wherever a value is expected.
 */
export function fail(code: ErrorCode, detail: ErrorDetail, cause?: unknown): never {
  throw new GraftError(code, detail, cause)
}

/** Returns what happened as one sentence, without the fix. */
export function describeProblem({ subject, expected, found, problem }: ErrorDetail): string {
  if (problem === undefined) return `${subject}: expected ${expected}, but found ${found}.`
  return `${subject.replace(/^the /, 'The ')} ${problem}.`
}

/** Returns the detail with each of its texts replaced. */
export function mapTexts(detail: ErrorDetail, replace: (text: string) => string): ErrorDetail {
  const entries = Object.entries(detail).map(([field, text]) => [field, text && replace(text)])
  return Object.fromEntries(entries) as ErrorDetail
}

/** An error as plain data, to send to another process or over the network. {@link fromPlain} restores the error. */
export type PlainError = ErrorDetail & {
  code: ErrorCode
  title: string
  status: number
}

/** Returns any thrown value as plain data. Errors that are not Graft's own become `internal`, or `disk_full`. */
export function toPlain(error: unknown): PlainError {
  const known = error instanceof GraftError ? error : wrapUnexpected(error)
  const { status, title } = catalogue[known.code]
  return { code: known.code, title, status, ...known.detail }
}

/** Restores an error that {@link toPlain} returned. */
export function fromPlain({ code, title: _title, status: _status, ...detail }: PlainError): GraftError {
  return new GraftError(code, detail)
}

function wrapUnexpected(error: unknown): GraftError {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return new GraftError(
      'disk_full',
      {
        subject: 'path' in error ? String(error.path) : 'the file',
        problem: 'could not be written because the disk is full',
        fix: 'Free some space and run the same command again. Everything saved so far is intact.',
      },
      error,
    )
  const message = error instanceof Error ? error.message : String(error)
  return new GraftError(
    'internal',
    {
      subject: 'Graft',
      problem: `failed unexpectedly: ${message}`,
      fix: 'This is a bug in Graft. Please report it with the command that caused it.',
    },
    error,
  )
}

/** Returns a handler for rejections that ignores errors with one of these codes and throws all others again. */
export const ignoreErrors =
  (...codes: readonly ErrorCode[]) =>
  (error: unknown): undefined => {
    if (!(error instanceof GraftError && codes.includes(error.code))) throw error
  }
