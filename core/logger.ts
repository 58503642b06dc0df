import { inspect } from 'node:util'

/** What an error is about. The fields appear in the log under these names. */
export interface LogContext {
  request_id?: string
  training_id?: string
  evaluation_id?: string
  comparison_id?: string
  /** What failed, when it belongs to no request or is only a part of the work: `garbage collection`, `state upload`. */
  task?: string
}

/** Receives every failure that callers do not see in full. */
export interface Logger {
  error(error: unknown, context: LogContext): void
}

/** Writes errors to stderr, each with its context on the first line. */
export const stderrLogger: Logger = {
  error(error, context) {
    process.stderr.write(`${JSON.stringify(context)} ${inspect(error)}\n`)
  },
}
