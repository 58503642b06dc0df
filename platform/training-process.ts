import { fork } from 'node:child_process'
import { entryFile } from '../core/entry.ts'
import { fromPlain } from '../core/errors.ts'
import type { ToChild } from '../training/child.ts'
import type { TrainingEvent } from '../training/events.ts'

/** The events that end a child's work, whatever it was. */
const ENDS: readonly TrainingEvent['type'][] = ['done', 'interrupted', 'estimate', 'profile']

/**
 * Trains in a process of its own, so that nothing here is blocked.
 * @param stop asks it to save its state and end
 * @param kill ends it at once
 * @returns the child's last event of those that end its work; undefined where it ended without one, as when it was killed
 * @throws GraftError what its work failed of
 */
export function inChild(
  message: Exclude<ToChild, { kind: 'stop' }>,
  listen: (event: TrainingEvent) => void,
  stop: AbortSignal,
  kill?: AbortSignal,
): Promise<TrainingEvent | undefined> {
  return new Promise((resolve, reject) => {
    const child = fork(entryFile('training/child'), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    let end: TrainingEvent | undefined
    let failure: Error | undefined
    // Of a child that has just ended, the news may not have come yet.
    const send = (sent: ToChild) => child.connected && child.send(sent, () => {})
    const onStop = () => send({ kind: 'stop' })
    const onKill = () => child.kill('SIGKILL')
    stop.addEventListener('abort', onStop)
    kill?.addEventListener('abort', onKill)
    child.on('message', (event: TrainingEvent) => {
      if (event.type === 'failed') failure = fromPlain(event.error)
      if (ENDS.includes(event.type)) end = event
      listen(event)
    })
    const settle = () => {
      stop.removeEventListener('abort', onStop)
      kill?.removeEventListener('abort', onKill)
      if (failure) reject(failure)
      else resolve(end)
    }
    child.on('error', (error) => {
      failure ??= error
      // One that could not be started never exits.
      if (child.pid === undefined) settle()
    })
    // What it said last may come after the news of its end.
    child.on('exit', () => (child.connected ? child.once('disconnect', settle) : settle()))
    send(message)
    if (stop.aborted) onStop()
    if (kill?.aborted) onKill()
  })
}
