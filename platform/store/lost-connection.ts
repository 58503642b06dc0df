import { GraftError } from '../../core/errors.ts'

/** What PostgreSQL says when it ends a session or does not let one begin, or when two transactions stood in each other's way. */
const STATES = /^(08|57P|53300|40001|40P01|25P02|25P03)/
const MESSAGES =
  /connection (terminated|ended|closed)|terminating connection|not queryable|timeout exceeded when trying to connect|cannot use a pool after|socket hang up/i
const SYSTEM = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/

/**
 * Whether a statement failed of the connection and not of what it says, so that it may be tried again. What was asked may have been
 * done all the same: the news of it can be what was lost.
 */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof GraftError) return false
  const code = 'code' in error ? String(error.code) : ''
  if (STATES.test(code) || SYSTEM.test(code) || MESSAGES.test(error.message)) return true
  // drizzle wraps what the driver said; an address with several hosts fails with a list.
  return isLostConnection(error.cause) || (error instanceof AggregateError && error.errors.some(isLostConnection))
}
