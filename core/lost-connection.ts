import { GraftError } from './errors.ts'

/** SQLSTATE codes of a session that ended or could not begin, and of transactions that blocked each other. */
const STATES = /^(08|57P|53300|40001|40P01|25P02|25P03)/
const MESSAGES =
  /connection (terminated|ended|closed)|terminating connection|not queryable|timeout exceeded when trying to connect|cannot use a pool after|socket hang up/i
const SYSTEM_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/

/**
 * Returns whether a statement failed because of the connection, and not because of its content, so that it can be
 * retried. It may still have been executed, if only its result was lost.
 */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof GraftError) return false
  const code = 'code' in error ? String(error.code) : ''
  if (STATES.test(code) || SYSTEM_CODES.test(code) || MESSAGES.test(error.message)) return true
  // drizzle wraps the driver's error, and a host name with several addresses fails with a list of errors.
  return isLostConnection(error.cause) || (error instanceof AggregateError && error.errors.some(isLostConnection))
}
