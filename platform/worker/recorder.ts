import { isLostConnection } from '../store/lost-connection.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import type { Store } from '../store/store.ts'
import type { NewEvent } from '../store/training-events.ts'
import { type ProgressPatch, recordProgress } from '../store/training-transitions.ts'

/** Milliseconds between two writes at least. */
const WRITE_EVERY = 1_000
/** Milliseconds after which a worker tells that it lives, though there is nothing else to tell. */
const BEAT_EVERY = 2_000

/** What waits to be written. */
export interface PendingWrites {
  report: ProgressPatch
  events: readonly NewEvent[]
}

/** Writes what a training tells and, over and over, that its worker lives. */
export interface Recorder {
  /** To be written with the next beat. */
  record(report: ProgressPatch, events?: readonly NewEvent[]): void
  /**
   * Ends the beats and does the last write, which takes the training from this worker: again until the connection holds.
   * @param write gets what is still to be told
   */
  finish<T>(write: (rest: PendingWrites) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Ends the beats. */
  stop(): void
}

export interface Listeners {
  /** At each beat, with what is asked of the worker. */
  asked(requested_action: 'pause' | null): void
  /** When something was written. */
  written(report: ProgressPatch): void
  /** Once, when nothing can be written any more: another has the training, or it was cancelled. */
  ended(error: unknown): void
}

export function openRecorder(
  { db }: Store,
  { id, fencing_token }: { id: string; fencing_token: number },
  listeners: Listeners,
): Recorder {
  let rest: PendingWrites = { report: {}, events: [] }
  let wroteAt = Date.now()
  let writing = Promise.resolve()
  let stopped = false

  const hasNews = () => rest.events.length > 0 || Object.keys(rest.report).length > 0
  const write = async () => {
    const told = rest
    rest = { report: {}, events: [] }
    try {
      const requested_action = await recordProgress(db, id, fencing_token, told.report, told.events)
      wroteAt = Date.now()
      listeners.written(told.report)
      listeners.asked(requested_action)
    } catch (error) {
      // Before what was told meanwhile. Events that were written all the same are known by their keys.
      rest = { report: { ...told.report, ...rest.report }, events: [...told.events, ...rest.events] }
      if (isLostConnection(error)) return
      stop()
      listeners.ended(error)
    }
  }
  let busy = false
  const beat = () => {
    if (busy || stopped || !(hasNews() || Date.now() - wroteAt >= BEAT_EVERY)) return
    busy = true
    writing = write().finally(() => {
      busy = false
    })
  }
  const timer = setInterval(beat, WRITE_EVERY)
  const stop = () => {
    stopped = true
    clearInterval(timer)
  }

  return {
    record(report, events = []) {
      rest = { report: { ...rest.report, ...report }, events: [...rest.events, ...events] }
    },
    async finish(work, signal) {
      stop()
      await writing
      const done = await retryOnDisconnect(() => work(rest), signal)
      listeners.written(rest.report)
      return done
    },
    stop,
  }
}
