import { GraftError } from '../core/errors.ts'

/**
 * Ends requests that will not be complete in time as soon as that is known, instead of at the deadline: work for a
 * request that fails in the end takes time from others.
 */
export interface Forecast {
  /**
   * Watches a request until its `end` is called.
   * @param client its requests are taken to be served one after the other
   * @param abort called with `overloaded` if the request has no chance
   */
  watch(client: string, rows: number, abort: (error: GraftError) => void): WatchedRequest
}

export interface WatchedRequest {
  /** Counts an answered row. */
  countRow(): void
  end(): void
}

interface Request {
  readonly abort: (error: GraftError) => void
  readonly deadline: number
  /** Rows without an answer. */
  rows: number
}

interface Client {
  /** In the order of arrival. */
  readonly requests: Set<Request>
  /** Rows that were answered in this second. */
  answered: number
  /** Rows and seconds of the past in which many rows waited. Both fade. */
  rows: number
  seconds: number
}

const TICK_MS = 1_000
/** With fewer rows in a queue, the client sets the rate and not the engine. */
const MIN_WAITING_ROWS = 64
/** The share of the past that remains after a second. Half remains after about seven seconds. */
const REMAINS = 0.9
/** A rate that was measured for less time says little. */
const MIN_SECONDS = 2.5
/**
 * How many times as long as it has, less the time to the next look, may a request be expected to take. Texts differ in
 * length.
 */
const TOLERANCE = 1.25

/** @param deadlineMs the time that a request has */
export function makeForecast(deadlineMs: number): Forecast {
  const clients = new Map<string, Client>()
  let timer: NodeJS.Timeout | undefined

  const tick = () => {
    for (const client of clients.values()) {
      const waiting = sumRows(client.requests)
      if (waiting >= MIN_WAITING_ROWS) {
        client.seconds = client.seconds * REMAINS + 1
        client.rows = client.rows * REMAINS + client.answered
        abortLate(client, deadlineMs)
      } else [client.seconds, client.rows] = [0, 0]
      client.answered = 0
    }
  }

  return {
    watch(name, rows, abort) {
      const client = clients.get(name) ?? { requests: new Set(), answered: 0, rows: 0, seconds: 0 }
      clients.set(name, client)
      const request = { abort, deadline: performance.now() + deadlineMs, rows }
      client.requests.add(request)
      timer ??= setInterval(tick, TICK_MS).unref()
      abortLate(client, deadlineMs)
      return {
        countRow() {
          request.rows--
          client.answered++
        },
        end() {
          client.requests.delete(request)
          if (client.requests.size === 0) clients.delete(name)
          if (clients.size > 0) return
          clearInterval(timer)
          timer = undefined
        },
      }
    },
  }
}

function abortLate(client: Client, deadlineMs: number): void {
  const rate = client.rows / client.seconds
  // A client without any answer may wait for an adapter that is loading.
  if (client.seconds < MIN_SECONDS || rate === 0) return
  let ahead = 0
  for (const request of client.requests) {
    const seconds = (ahead + request.rows) / rate
    const left = request.deadline - performance.now()
    if (1000 * seconds <= TOLERANCE * left - TICK_MS) ahead += request.rows
    else request.abort(lateError(ahead + request.rows, seconds, deadlineMs))
  }
}

const sumRows = (requests: Iterable<Request>): number => {
  let sum = 0
  for (const { rows } of requests) sum += rows
  return sum
}

const lateError = (rows: number, seconds: number, deadlineMs: number): GraftError =>
  new GraftError('overloaded', {
    subject: 'the queue',
    problem: `would need about ${Math.ceil(seconds)} seconds for ${rows} texts of this client, and a request has ${deadlineMs / 1000}`,
    fix: 'Send fewer at once, or try again in a moment.',
  })
