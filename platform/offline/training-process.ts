import { fromPlain } from '../../core/errors.ts'
import type { TrainingCommand } from '../../training/child.ts'
import type { TrainingEvent } from '../../training/events.ts'
import { startChild } from './start-child.ts'

/** The events that end the work of the process. */
const FINAL_EVENTS: readonly TrainingEvent['type'][] = ['done', 'interrupted', 'estimate', 'profile', 'pretrained']

/**
 * Trains in a child process, so that this one is not blocked.
 * @param stop asks the process to save its state and exit
 * @param kill kills the process
 * @returns the final event; undefined if the process exited without one, for example because it was killed
 * @throws GraftError the error of the child process
 */
export async function runTrainingProcess(
  message: Exclude<TrainingCommand, { kind: 'stop' }>,
  listen: (event: TrainingEvent) => void,
  stop: AbortSignal,
  kill?: AbortSignal,
): Promise<TrainingEvent | undefined> {
  let finalEvent: TrainingEvent | undefined
  let failure: Error | undefined
  const onEvent = (event: TrainingEvent) => {
    if (event.type === 'failed') failure = fromPlain(event.error)
    if (FINAL_EVENTS.includes(event.type)) finalEvent = event
    listen(event)
  }
  const { send, exited } = startChild('training/child', message, onEvent, kill)
  const onStop = () => send({ kind: 'stop' } satisfies TrainingCommand)
  stop.addEventListener('abort', onStop)
  if (stop.aborted) onStop()
  await exited.finally(() => stop.removeEventListener('abort', onStop))
  if (failure) throw failure
  return finalEvent
}
