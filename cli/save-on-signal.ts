import type { Progress } from './progress.ts'

/** Returns a signal that Ctrl-C or SIGTERM aborts. Work in this command's process then saves its state and stops. */
export function saveOnSignal(progress: Progress): AbortSignal {
  const stop = new AbortController()
  process.on('SIGINT', () => {
    progress.writeLine('Saving the state …')
    stop.abort()
  })
  process.on('SIGTERM', () => stop.abort())
  return stop.signal
}
