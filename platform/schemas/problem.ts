import { randomUUID } from 'node:crypto'
import type { ErrorCode } from '../../core/catalogue.ts'
import { describeProblem, GraftError, type PlainError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { isLostConnection } from '../../core/lost-connection.ts'
import { toPlain } from '../../core/to-plain.ts'
import type { Problem } from './common.ts'

/** Returns an error in the form that clients see: a problem (RFC 9457) with additional members. */
export function toProblem({ code, title, status, ...detail }: PlainError): Problem {
  return { type: `/docs/errors#${code}`, title, status, detail: describeProblem(detail), code, ...detail }
}

const LOST_CONNECTION = new GraftError('store_unavailable', {
  subject: 'the database',
  problem: 'closed the connection before it answered',
  fix: 'Send the request again. What was acknowledged before is stored.',
})

const SEEN_BY_CONNECTIONS: readonly ErrorCode[] = ['internal', 'system_failed']

/**
 * Returns an error in the form that clients see. If it is a bug in Graft, logs the error and hides its text, which may
 * contain paths.
 * @param id the request id in the log. Defaults to a random one.
 */
export function toPublicProblem(logger: Logger, error: unknown, id?: string): Problem {
  const plain = toPlain(error)
  // A connection can break in the driver, without a code, or in the system, while it reads, writes or connects.
  if (SEEN_BY_CONNECTIONS.includes(plain.code) && isLostConnection(error)) return toProblem(toPlain(LOST_CONNECTION))
  if (plain.code === 'internal') return hideInternal(logger, error, plain, id)
  return toProblem(error instanceof GraftError ? plain : hidePath(plain))
}

/** Returns an error of the file system without the path of the file on the server. */
const hidePath = (plain: PlainError): PlainError =>
  plain.subject.includes('/') ? { ...plain, subject: 'the storage of the server' } : plain

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
