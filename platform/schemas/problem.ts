import { randomUUID } from 'node:crypto'
import { describeProblem, type PlainError, toPlain } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Problem } from './common.ts'

/** Returns an error in the form that clients see: a problem (RFC 9457) with additional members. */
export function toProblem({ code, title, status, ...detail }: PlainError): Problem {
  return { type: `/docs/errors#${code}`, title, status, detail: describeProblem(detail), code, ...detail }
}

/**
 * Returns an error in the form that clients see. If it is a bug in Graft, logs the error and hides its text, which may
 * contain paths.
 * @param id the request id in the log. Defaults to a random one.
 */
export function toPublicProblem(logger: Logger, error: unknown, id?: string): Problem {
  const plain = toPlain(error)
  return plain.code === 'internal' ? hideInternal(logger, error, plain, id) : toProblem(plain)
}

/** Converts the error of one row, which is plain data, as {@link toPublicProblem} does. */
export function toRowProblem(logger: Logger, plain: PlainError): Problem {
  return plain.code === 'internal' ? hideInternal(logger, plain, plain) : toProblem(plain)
}

function hideInternal(logger: Logger, error: unknown, plain: PlainError, id: string = randomUUID()): Problem {
  logger.error(error, { request_id: id })
  const { code, title, status } = plain
  return toProblem({
    code,
    title,
    status,
    subject: 'Graft',
    problem: `failed unexpectedly; the server's log has the details under ${id}`,
    fix: 'This is a bug in Graft. Please report it with the log entry.',
  })
}
