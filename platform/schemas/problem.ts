import { randomUUID } from 'node:crypto'
import { describeProblem, type PlainError, toPlain } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Problem } from './common.ts'

/** An error in the form that callers see (RFC 9457, with our own members beside the standard's). */
export function toProblem({ code, title, status, ...detail }: PlainError): Problem {
  return { type: `/docs/errors#${code}`, title, status, detail: describeProblem(detail), code, ...detail }
}

/**
 * As {@link toProblem}; a failure that is Graft's own fault is reported, and its text, which may hold paths, kept back.
 * @param id under which it is reported, a new one where absent
 */
export function problemOf(logger: Logger, error: unknown, id?: string): Problem {
  const plain = toPlain(error)
  return plain.code === 'internal' ? internalProblem(logger, error, plain, id) : toProblem(plain)
}

/** As {@link problemOf}, for the error of one row, which comes as plain data. */
export function rowProblem(logger: Logger, plain: PlainError): Problem {
  return plain.code === 'internal' ? internalProblem(logger, plain, plain) : toProblem(plain)
}

function internalProblem(logger: Logger, error: unknown, plain: PlainError, id: string = randomUUID()): Problem {
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
