import { inspect } from 'node:util'

/** The subject of an error. The fields appear in the log under these names. */
export interface LogContext {
  request_id?: string
  training_id?: string
  evaluation_id?: string
  comparison_id?: string
  /** The task that failed, such as `garbage collection`, if there is no request or only part of the work failed. */
  task?: string
}

/** A log of the failures whose details callers do not see. */
export interface Logger {
  error(error: unknown, context: LogContext): void
}

/** Writes errors to stderr, each with its context on the first line. */
export const stderrLogger: Logger = {
  error(error, context) {
    process.stderr.write(`${JSON.stringify(context)} ${inspect(error)}\n`)
  },
}
