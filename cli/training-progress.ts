import { basename } from 'node:path'
import type { TrainingEvent } from '../training/events.ts'
import { formatPlan } from './lines/training.ts'
import { formatBar, formatDuration, type Progress } from './progress.ts'

/** An event of a training in this process or in a worker. A worker saves states to the store, not to a folder. */
export type StreamedEvent =
  | Exclude<TrainingEvent, { type: 'saved' }>
  | (Omit<Extract<TrainingEvent, { type: 'saved' }>, 'folder'> & { folder?: string })

/** Makes a listener that shows the events of a training as progress. */
export function makeTrainingListener(progress: Progress): (event: StreamedEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'stage':
        return progress.writeLine(`${event.message} …`)
      case 'plan':
        for (const line of formatPlan(event.plan)) progress.writeLine(line)
        return
      case 'step':
        return progress.update(
          `${formatBar(event.step, event.steps)}  loss ${event.loss.toFixed(4)}${event.skipped ? `  ${event.skipped} steps skipped` : ''}  ${event.reviews_per_second.toFixed(1)} reviews/s  ${formatDuration(event.seconds_left)} left`,
        )
      case 'pretraining_step':
        return progress.update(
          `${formatBar(event.step, event.steps)}  ${formatLosses(event.losses)}  ${formatDuration(event.seconds_left)} left`,
        )
      case 'pretraining_evaluation':
        return progress.writeLine(`step ${event.step}, held-out losses: ${formatLosses(event.held_out)}`)
      case 'evaluation_progress':
        return progress.update(`${formatBar(event.done, event.total)}  evaluated`)
      case 'evaluation':
        return progress.writeLine(
          `step ${event.step}: loss ${event.loss.toFixed(4)}, accuracy ${(100 * event.accuracy).toFixed(2)} %`,
        )
      case 'saved':
        return progress.writeLine(
          `state saved at step ${event.step}${event.folder === undefined ? '' : ` in ${basename(event.folder)}`}`,
        )
      case 'done':
      case 'pretrained':
      case 'estimate':
      case 'profile':
      case 'interrupted':
      case 'failed':
        return progress.finish()
    }
  }
}

const formatLosses = (losses: Readonly<Record<string, number>>): string =>
  Object.entries(losses)
    .map(([name, loss]) => `${name} ${loss.toFixed(4)}`)
    .join('  ')
