import { type DestinationStream, destination, type Logger, pino } from 'pino'

export type Log = Pick<Logger, 'info' | 'error'>

/**
 * Lines of JSON on stderr. What is logged never holds a text that was classified, nor a key: keys are told by their ids.
 * @param to somewhere else than stderr
 */
export function makeLog(to: DestinationStream = destination({ dest: 2, sync: true })): Log {
  return pino({ base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` }, to)
}
