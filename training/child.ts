// The process that trains. It receives one command, sends events, and exits; it also exits with its parent.
import { toPlain } from '../core/to-plain.ts'
import { dryRun } from './dry-run.ts'
import type { TrainingEvent } from './events.ts'
import type { PretrainingSpec } from './pretraining/config.ts'
import { pretrain } from './pretraining/pretrain.ts'
import { profileTraining } from './profile/profile-training.ts'
import type { TrainingSpec } from './spec.ts'
import { stateFolderOf } from './state/state-folder.ts'
import { train } from './train.ts'

/** A message of the parent. The first one says what to do; a `stop` may follow. */
export type TrainingCommand =
  | {
      kind: 'train'
      spec: TrainingSpec
      resume: boolean
      /** The bytes that must stay free on the disk of the output folder. Defaults to no reserve. */
      diskReserve?: number
    }
  | { kind: 'dry_run'; spec: TrainingSpec }
  | { kind: 'profile'; spec: TrainingSpec }
  | { kind: 'pretrain'; spec: PretrainingSpec }
  | { kind: 'stop' }

// A terminal sends its interrupt to the parent and to this process. The parent decides what it means.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const stop = new AbortController()
process.on('disconnect', () => stop.abort())
process.on('message', (message: TrainingCommand) => {
  if (message.kind === 'stop') stop.abort()
  else void runCommand(message)
})

async function runCommand(command: Exclude<TrainingCommand, { kind: 'stop' }>): Promise<void> {
  try {
    if (command.kind === 'dry_run') await dryRun(command.spec, sendEvent)
    else if (command.kind === 'profile') await profileTraining(command.spec, sendEvent)
    else if (!(await runToEnd(command))) sendEvent({ type: 'interrupted', state: stateFolderOf(command.spec.out) })
  } catch (error) {
    sendEvent({ type: 'failed', error: toPlain(error) })
  }
  if (process.connected) process.disconnect()
}

/** @returns undefined if the work was interrupted */
const runToEnd = (command: Extract<TrainingCommand, { kind: 'train' | 'pretrain' }>): Promise<object | undefined> =>
  command.kind === 'train'
    ? train(command.spec, sendEvent, stop.signal, command.resume, command.diskReserve)
    : pretrain(command.spec, sendEvent, stop.signal)

/** Sends an event to the parent. If the parent has exited, nothing is sent; the saved state can be resumed. */
function sendEvent(event: TrainingEvent): void {
  // Sending fails if the parent has just exited and this process does not know yet. Without a callback, the failure
  // would end this process.
  if (process.connected) process.send?.(event, undefined, undefined, () => {})
}
