import type { PGlite } from '@electric-sql/pglite'
import { GraftError } from '../../../core/errors.ts'
import { stopProcess } from '../../../core/stop-process.ts'

/**
 * SQLSTATE classes of a server that cannot continue: a lack of resources such as a full disk, a shutdown, a system
 * error, a broken configuration file, an internal error.
 */
const PANICS = /^(53|57P|58|F0|XX)/

/** PGlite's status of the exception by which PostgreSQL leaves a statement with an ordinary error. */
const LONGJMP_STATUS = 100

/** The part of PGlite that runs the next message. It is not in PGlite's types. */
interface Module {
  _PostgresMainLoopOnce(): void
}

/**
 * Ends the process at the first error of PGlite that is not the fault of a statement. PostgreSQL stops when it panics,
 * but PGlite continues, and then answers without rows that exist. The next start recovers the database.
 * @param stop called once with the error. Defaults to printing it and exiting with 1.
 */
export function stopOnPanic(pglite: PGlite, home: string, stop: (error: GraftError) => void = stopProcess): void {
  let hasStopped = false
  const panic = (cause: unknown) => {
    if (!hasStopped) stop(toPanic(home, cause))
    hasStopped = true
  }
  const execute = pglite.execProtocolStream.bind(pglite)
  pglite.execProtocolStream = async (...message) => {
    try {
      return await execute(...message)
    } catch (error) {
      if (!isOrdinary(error)) panic(error)
      throw error
    }
  }
  // PGlite ignores every exception of this function but the one for ordinary errors.
  const { mod } = pglite as unknown as { mod: Module }
  const runOnce = mod._PostgresMainLoopOnce
  mod._PostgresMainLoopOnce = () => {
    try {
      runOnce()
    } catch (error) {
      if ((error as { status?: unknown } | null)?.status !== LONGJMP_STATUS) panic(error)
      throw error
    }
  }
}

/** Returns whether an error concerns only the statement, so that the database can be used afterwards. */
function isOrdinary(error: unknown): boolean {
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !PANICS.test(code) && severity === 'ERROR'
}

const toPanic = (home: string, cause: unknown): GraftError =>
  new GraftError(
    'store_unavailable',
    {
      subject: `the database in ${home}`,
      problem: `failed, so this process stops: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: 'Everything that was saved is intact. Free some space if the disk is full, and start Graft again.',
    },
    cause,
  )
