import { type DestinationStream, destination, type Logger as Pino, pino } from 'pino'
import type { Logger } from '../core/logger.ts'

export type Log = Pick<Pino, 'info' | 'error'>

/**
 * Creates a log that writes lines of JSON. It never contains a classified text or a key. Only the ids of keys are
 * logged.
 * @param to where to write; defaults to stderr
 */
export function makeLog(to: DestinationStream = destination({ dest: 2, sync: true })): Log {
  return pino({ base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` }, to)
}

/** Returns a logger that writes errors as lines of this log, with their stack under `err`. */
export const loggerTo = (log: Log): Logger => ({ error: (error, context) => log.error({ ...context, err: error }) })
