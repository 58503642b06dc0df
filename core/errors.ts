import type { ErrorCode } from './catalogue.ts'

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

/** Returns an error as the lines that a command prints. */
export function formatError(error: PlainError): string {
  return `graft: ${error.title}.\n  ${describeProblem(error)}\n  ${error.fix}\n`
}

/** Returns the detail with each of its texts replaced. */
export function mapTexts(detail: ErrorDetail, replace: (text: string) => string): ErrorDetail {
  const entries = Object.entries(detail).map(([field, text]) => [field, text && replace(text)])
  return Object.fromEntries(entries) as ErrorDetail
}

/**
 * An error as plain data, to send to another process or over the network. `toPlain` makes it, {@link fromPlain}
 * restores the error.
 */
export type PlainError = ErrorDetail & {
  code: ErrorCode
  title: string
  status: number
}

/** Restores an error that `toPlain` returned. */
export function fromPlain({ code, title: _title, status: _status, ...detail }: PlainError): GraftError {
  return new GraftError(code, detail)
}

/** Returns a handler for rejections that ignores errors with one of these codes and throws all others again. */
export const ignoreErrors =
  (...codes: readonly ErrorCode[]) =>
  (error: unknown): undefined => {
    if (!(error instanceof GraftError && codes.includes(error.code))) throw error
  }
