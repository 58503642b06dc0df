import { toPlain } from '../core/errors.ts'
import type { TrainingEvent } from './events.ts'
import { profileTraining } from './profile/profile-training.ts'
import type { TrainingSpec } from './spec.ts'
import { stateFolderOf } from './state/state-folder.ts'
import { planTraining, train } from './train.ts'

/** What the parent sends: first the work, then at most one wish to stop. */
export type ToChild =
  | { kind: 'train'; spec: TrainingSpec; resume: boolean }
  | { kind: 'plan'; spec: TrainingSpec }
  | { kind: 'profile'; spec: TrainingSpec }
  | { kind: 'stop' }

/** A terminal sends its interrupt to parent and child alike; the parent decides what it means. */
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const stop = new AbortController()
process.on('disconnect', () => stop.abort())
process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') stop.abort()
  else void work(message)
})

async function work(message: Exclude<ToChild, { kind: 'stop' }>): Promise<void> {
  const { spec } = message
  try {
    if (message.kind === 'plan') await planTraining(spec, tell)
    else if (message.kind === 'profile') await profileTraining(spec, tell)
    else if (!(await train(spec, tell, stop.signal, message.resume)))
      tell({ type: 'interrupted', state: stateFolderOf(spec.out) })
  } catch (error) {
    tell({ type: 'failed', error: toPlain(error) })
  }
  if (process.connected) process.disconnect()
}

/** A parent that is gone hears nothing; the state is saved for whoever resumes. */
function tell(event: TrainingEvent): void {
  // Between the parent's end and the news of it, sending fails; without a callback that would end this process, too.
  if (process.connected) process.send?.(event, undefined, undefined, () => {})
}
