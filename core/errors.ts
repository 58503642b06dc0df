import { catalogue, type ErrorCode } from './catalogue.ts'

export interface ErrorDetail {
  /** What the error is about: a file, a flag, a tensor, a line. */
  subject: string
  expected: string
  found: string
  /** What the reader can do about it. */
  mend: string
}

/** An error that says what was expected, what came and how to mend it. Every edge (CLI, HTTP) prints the same one. */
export class GraftError extends Error {
  readonly code: ErrorCode
  readonly detail: ErrorDetail

  constructor(code: ErrorCode, detail: ErrorDetail, cause?: unknown) {
    super(`${detail.subject}: expected ${detail.expected}; found ${detail.found}. ${detail.mend}`, { cause })
    this.name = 'GraftError'
    this.code = code
    this.detail = detail
  }
}

/** Throws a {@link GraftError}; an expression, so that it can stand where a value is expected. */
export function fail(code: ErrorCode, detail: ErrorDetail, cause?: unknown): never {
  throw new GraftError(code, detail, cause)
}

/** The error as it crosses a process or a wire: plain data, from which {@link fromPlain} makes the error again. */
export interface PlainError extends ErrorDetail {
  code: ErrorCode
  title: string
  status: number
}

export function toPlain(error: unknown): PlainError {
  const known = error instanceof GraftError ? error : unexpected(error)
  const { status, title } = catalogue[known.code]
  return { code: known.code, title, status, ...known.detail }
}

export function fromPlain({ code, subject, expected, found, mend }: PlainError): GraftError {
  return new GraftError(code, { subject, expected, found, mend })
}

function unexpected(error: unknown): GraftError {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return new GraftError(
      'disk_full',
      {
        subject: 'path' in error ? String(error.path) : 'the disk',
        expected: 'room to write',
        found: 'none left',
        mend: 'Free some space and run the same command again; what was saved before is whole.',
      },
      error,
    )
  const message = error instanceof Error ? error.message : String(error)
  return new GraftError(
    'internal',
    {
      subject: 'graft',
      expected: 'no failure here',
      found: message,
      mend: 'This is a fault in Graft; please report it with the command that led to it.',
    },
    error,
  )
}
