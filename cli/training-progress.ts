import { basename } from 'node:path'
import type { TrainingEvent } from '../training/events.ts'
import type { Bar } from './bar.ts'
import { formatPlan } from './lines/training.ts'
import { formatDuration, type Progress } from './progress.ts'

/** An event of a training in this process or in a worker. A worker saves states to the store, not to a folder. */
export type StreamedEvent =
  | Exclude<TrainingEvent, { type: 'saved' }>
  | (Omit<Extract<TrainingEvent, { type: 'saved' }>, 'folder'> & { folder?: string })

/** Makes a listener that shows the events of a training as progress. */
export function makeTrainingListener(progress: Progress): (event: StreamedEvent) => void {
  let steps: Bar | undefined
  /** Draws the bar of the steps at its end. Not all steps are events. */
  const completeSteps = () => {
    if (!steps) return
    const [, ...details] = steps.details ?? []
    progress.update({ done: steps.total, total: steps.total, details })
    progress.finish()
    steps = undefined
  }
  const updateSteps = (bar: Bar) => {
    steps = bar
    progress.update(bar)
  }
  return (event) => {
    switch (event.type) {
      case 'stage':
        completeSteps()
        return progress.writeLine(`${event.message} …`)
      case 'plan':
        for (const line of formatPlan(event.plan)) progress.writeLine(line)
        return
      case 'step':
        return updateSteps({
          done: event.step,
          total: event.steps,
          details: [
            `${formatDuration(event.seconds_left)} left`,
            `loss ${event.loss.toFixed(4)}`,
            `${event.reviews_per_second.toFixed(1)} reviews/s`,
            ...(event.skipped ? [`${event.skipped} steps skipped`] : []),
          ],
        })
      case 'pretraining_step':
        return updateSteps({
          done: event.step,
          total: event.steps,
          details: [`${formatDuration(event.seconds_left)} left`, formatLosses(event.losses)],
        })
      case 'pretraining_evaluation':
        return progress.writeLine(`step ${event.step}, held-out losses: ${formatLosses(event.held_out)}`)
      case 'evaluation_progress':
        // Between two steps, the bar of the steps stays.
        if (steps && steps.done < steps.total) return
        completeSteps()
        progress.update({ done: event.done, total: event.total, details: ['evaluated'] })
        if (event.done === event.total) progress.finish()
        return
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
        completeSteps()
        return progress.finish()
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
