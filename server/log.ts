import { setTimeout as sleep } from 'node:timers/promises'
import { type DestinationStream, destination, type Logger as Pino, pino } from 'pino'
import type { Logger } from '../core/logger.ts'

export type Log = Pick<Pino, 'info' | 'error'>

/**
 * Creates a log that writes lines of JSON. It never contains a classified text or a key. Only the ids of keys are
 * logged.
 * @param to where to write. Defaults to stderr; each line is written before the call returns.
 */
export function makeLog(to: DestinationStream = destination({ dest: 2, sync: true })): Log {
  return pino({ base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` }, to)
}

/** Returns a logger that writes errors as lines of this log, with their stack under `err`. */
export const loggerTo = (log: Log): Logger => ({ error: (error, context) => log.error({ ...context, err: error }) })

/** An output for the log of a server. */
export interface LogOutput extends DestinationStream {
  /** Writes what waits, for at most a second. @returns false if the reader has not taken all of it */
  close(): Promise<boolean>
}

/** The log of a long-running command. */
export interface ProcessLog {
  readonly log: Log
  readonly logger: Logger
  /** Writes what waits, and ends the process if the reader does not take it. The process would wait for it. */
  close(): Promise<void>
}

/**
 * Opens the log of a server or a worker. All of them write the same fields.
 * @param output where to write. Defaults to stderr.
 */
export function openProcessLog(output: LogOutput = openLogOutput()): ProcessLog {
  const log = makeLog(output)
  return {
    log,
    logger: loggerTo(log),
    async close() {
      if (!(await output.close())) process.exit()
    },
  }
}

const MAX_WAITING_BYTES = 2 ** 20
const CLOSE_TIMEOUT_MS = 1000

/**
 * Opens an output whose reader does not slow down the server. Lines wait in memory while the reader takes none. Beyond
 * 1 MiB they are dropped, and a later line counts them.
 * @param descriptor a file descriptor. Defaults to stderr.
 */
export function openLogOutput(descriptor = 2): LogOutput {
  const stream = destination({ dest: descriptor, sync: false, maxLength: MAX_WAITING_BYTES })
  let dropped = 0
  let isClosed = false
  // A full disk must not end the server. What could not be written is written with the next line.
  stream.on('error', () => {})
  stream.on('drop', () => {
    dropped++
  })
  stream.on('drain', () => {
    if (dropped === 0) return
    stream.write(`${JSON.stringify({ level: 40, time: new Date().toISOString(), dropped_lines: dropped })}\n`)
    dropped = 0
  })
  return {
    write(line) {
      if (!isClosed) stream.write(line)
    },
    async close() {
      const closed = new Promise<true>((resolve) => stream.once('close', () => resolve(true)))
      isClosed = true
      stream.end()
      const isWritten = await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, false)])
      if (!isWritten) stream.destroy()
      return isWritten
    },
  }
}
