import { url as inspectorUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { entryFile } from './entry.ts'
import type { WatchdogData } from './watchdog-thread.ts'

/** The time between two beats of the main thread. */
const BEAT_INTERVAL_MS = 1_000

/** The seconds of silence after which the process ends. Nothing that a running server does on it takes as long. */
const MAX_SILENT_SECONDS = 60

/**
 * Starts a thread that ends the process if the main thread does not return to its event loop for a minute. Such a
 * process answers nothing and ignores signals, and a supervisor restarts only what has exited. It is killed, because
 * everything else would need the main thread. What was acknowledged is stored.
 *
 * The thread counts beats and its own ticks instead of time, so a process that was suspended, for example with a
 * laptop, continues. A process that is debugged has no watchdog, because it stops at breakpoints.
 * @param maxSilentSeconds defaults to 60
 * @returns a function that stops the watchdog
 */
export function startWatchdog(maxSilentSeconds = MAX_SILENT_SECONDS): () => void {
  if (inspectorUrl() !== undefined) return () => {}
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const timer = setInterval(() => Atomics.add(beats, 0, 1), BEAT_INTERVAL_MS).unref()
  const workerData: WatchdogData = { beats, maxSilentSeconds }
  // Without the flags of the process, such as those that load other code first.
  const thread = new Worker(entryFile('core/watchdog-thread'), { workerData, name: 'watchdog', execArgv: [] })
  thread.unref()
  thread.on('error', (error) => process.emitWarning(`there is no watchdog: ${error.message}`))
  return () => {
    clearInterval(timer)
    void thread.terminate()
  }
}
