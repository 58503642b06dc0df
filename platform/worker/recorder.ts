import { isLostConnection } from '../../core/lost-connection.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import type { Store } from '../store/store.ts'
import type { NewEvent } from '../store/training-events.ts'
import { type ProgressPatch, recordProgress } from '../store/training-transitions.ts'

/** The minimum time between two writes. */
const WRITE_INTERVAL_MS = 1_000
/** The time after which a worker writes a heartbeat, even if there is nothing else to write. */
const HEARTBEAT_INTERVAL_MS = 2_000

/** Progress and events that have not been written yet. */
export interface PendingWrites {
  patch: ProgressPatch
  events: readonly NewEvent[]
}

/** Writes the progress and the events of a training in batches, and the heartbeat of its worker. */
export interface Recorder {
  /** Adds to the next write. */
  record(patch: ProgressPatch, events?: readonly NewEvent[]): void
  /**
   * Stops the heartbeat and does the last write, which releases the training from this worker. Retries while the
   * connection is down.
   * @param write receives everything that is still pending
   */
  finish<T>(write: (pending: PendingWrites) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Stops the heartbeat. */
  stop(): void
}

export interface RecorderListeners {
  /** Called after each write with the action that a user has requested. */
  onRequestedAction(requested_action: 'pause' | null): void
  /** Called after each write. */
  onWritten(patch: ProgressPatch): void
  /** Called once, when nothing can be written any more: another worker has the training, or it was cancelled. */
  onSuperseded(error: unknown): void
}

/** Starts to write the heartbeat of the worker that claimed a training. */
export function openRecorder(
  { db }: Store,
  { id, fencing_token }: { id: string; fencing_token: number },
  listeners: RecorderListeners,
): Recorder {
  let pending: PendingWrites = { patch: {}, events: [] }
  let lastWriteAt = Date.now()
  let writing = Promise.resolve()
  let stopped = false

  const isPending = () => pending.events.length > 0 || Object.keys(pending.patch).length > 0
  const write = async () => {
    const batch = pending
    pending = { patch: {}, events: [] }
    try {
      const requested_action = await recordProgress(db, id, fencing_token, batch.patch, batch.events)
      lastWriteAt = Date.now()
      listeners.onWritten(batch.patch)
      listeners.onRequestedAction(requested_action)
    } catch (error) {
      // Puts the batch back before what was recorded meanwhile. If the write succeeded after all, its events are not
      // stored twice, because their keys are known.
      pending = { patch: { ...batch.patch, ...pending.patch }, events: [...batch.events, ...pending.events] }
      if (isLostConnection(error)) return
      stop()
      listeners.onSuperseded(error)
    }
  }
  let busy = false
  const tick = () => {
    if (busy || stopped || !(isPending() || Date.now() - lastWriteAt >= HEARTBEAT_INTERVAL_MS)) return
    busy = true
    writing = write().finally(() => {
      busy = false
    })
  }
  const timer = setInterval(tick, WRITE_INTERVAL_MS)
  const stop = () => {
    stopped = true
    clearInterval(timer)
  }

  return {
    record(patch, events = []) {
      pending = { patch: { ...pending.patch, ...patch }, events: [...pending.events, ...events] }
    },
    async finish(write, signal) {
      stop()
      await writing
      const result = await retryOnDisconnect(() => write(pending), signal)
      listeners.onWritten(pending.patch)
      return result
    },
    stop,
  }
}
