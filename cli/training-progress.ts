import { basename } from 'node:path'
import type { TrainingEvent } from '../platform/offline/train.ts'
import { bar, duration, grouped, type Progress } from './progress.ts'

/** What a training tells here, or told a worker: states of the store lie in no folder. */
export type ToldEvent =
  | Exclude<TrainingEvent, { type: 'saved' }>
  | (Omit<Extract<TrainingEvent, { type: 'saved' }>, 'folder'> & { folder?: string })

/** Tells a training's events to a person. */
export function tellTraining(progress: Progress): (event: ToldEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'stage':
        return progress.say(`${event.message} …`)
      case 'plan': {
        const {
          method,
          trainable,
          total,
          percent,
          reviews,
          steps,
          batch_tokens,
          batch_size,
          device,
          threads,
          learning_rate,
          labels,
          duplicates,
          leaked,
          truncated,
          padding,
        } = event.plan
        progress.say(
          `${method}: ${grouped(trainable)} of ${grouped(total)} parameters are trained (${percent.toFixed(3)} %)`,
        )
        progress.say(
          `${grouped(reviews)} reviews in ${grouped(steps)} steps of up to ${batch_size === undefined ? `${grouped(batch_tokens ?? 0)} tokens` : `${grouped(batch_size)} reviews`}, ${(100 * padding).toFixed(1)} % padding; ${device === 'cpu' ? `${threads} threads` : `on ${device}`}; learning rate ${learning_rate}`,
        )
        progress.say(
          `labels: ${Object.entries(labels)
            .map(([label, word]) => `${label} is “${word}”`)
            .join(', ')}; ${grouped(truncated)} reviews are cut`,
        )
        if (duplicates > 0) progress.say(`note: ${grouped(duplicates)} reviews occur more than once`)
        if (leaked)
          progress.say(
            `warning: ${grouped(leaked)} reviews of the test data are in the training data, too; its accuracy will flatter`,
          )
        return
      }
      case 'step':
        return progress.update(
          `${bar(event.step, event.steps)}  loss ${event.loss.toFixed(4)}${event.skipped ? `  ${event.skipped} steps skipped` : ''}  ${event.reviews_per_second.toFixed(1)} reviews/s  ${duration(event.seconds_left)} left`,
        )
      case 'evaluation':
        return progress.update(`${bar(event.done, event.of)}  evaluated`)
      case 'point':
        return progress.say(
          `step ${event.point.step}: loss ${event.point.loss.toFixed(4)}, accuracy ${(100 * (event.point.accuracy ?? 0)).toFixed(2)} %`,
        )
      case 'saved':
        return progress.say(
          `state saved at step ${event.step}${event.folder === undefined ? '' : ` in ${basename(event.folder)}`}`,
        )
      case 'done':
      case 'estimate':
      case 'profile':
      case 'interrupted':
      case 'failed':
        return progress.end()
    }
  }
}
