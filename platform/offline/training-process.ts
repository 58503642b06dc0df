import { fromPlain } from '../../core/errors.ts'
import type { ToChild } from '../../training/child.ts'
import type { TrainingEvent } from '../../training/events.ts'
import { startChild } from './start-child.ts'

/** The events that end a child's work, whatever it was. */
const ENDS: readonly TrainingEvent['type'][] = ['done', 'interrupted', 'estimate', 'profile']

/**
 * Trains in a process of its own, so that nothing here is blocked.
 * @param stop asks it to save its state and end
 * @param kill ends it at once
 * @returns the child's last event of those that end its work; undefined where it ended without one, as when it was killed
 * @throws GraftError what its work failed of
 */
export async function inChild(
  message: Exclude<ToChild, { kind: 'stop' }>,
  listen: (event: TrainingEvent) => void,
  stop: AbortSignal,
  kill?: AbortSignal,
): Promise<TrainingEvent | undefined> {
  let end: TrainingEvent | undefined
  let failure: Error | undefined
  const hear = (event: TrainingEvent) => {
    if (event.type === 'failed') failure = fromPlain(event.error)
    if (ENDS.includes(event.type)) end = event
    listen(event)
  }
  const { tell, ended } = startChild('training/child', message, hear, kill)
  const onStop = () => tell({ kind: 'stop' } satisfies ToChild)
  stop.addEventListener('abort', onStop)
  if (stop.aborted) onStop()
  await ended.finally(() => stop.removeEventListener('abort', onStop))
  if (failure) throw failure
  return end
}
