import { catalogue } from './catalogue.ts'
import { describeEnvironmentError } from './environment-error.ts'
import { GraftError, type PlainError } from './errors.ts'

/**
 * Returns any thrown value as plain data. Errors that are not Graft's own become `internal`, or another code if their
 * cause is the machine or the installation.
 */
export function toPlain(error: unknown): PlainError {
  const known = error instanceof GraftError ? error : wrapUnexpected(error)
  const { status, title } = catalogue[known.code]
  return { code: known.code, title, status, ...known.detail }
}

function wrapUnexpected(error: unknown): GraftError {
  const described = describeEnvironmentError(error)
  if (described) {
    const { code, ...detail } = described
    return new GraftError(code, detail, error)
  }
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
