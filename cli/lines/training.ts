import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import type { Plan } from '../../training/events.ts'
import { formatPercent } from '../output.ts'
import { formatCount, formatDuration } from '../progress.ts'

export const formatSteps = ({ progress }: Training): string =>
  progress ? `${progress.step}/${progress.total_steps}` : '-'

export function formatAccuracy({ result }: Training): string {
  return typeof result?.accuracy === 'number' ? formatPercent(result.accuracy) : '-'
}

/** Formats a training as lines of text. */
export function formatTraining(training: Training): string[] {
  const { id, name, status, pausing, progress, result, error } = training
  return [
    `${name ?? 'training'} (${id}): ${pausing ? 'pausing' : status}`,
    ...(progress && status === 'running'
      ? [
          `step ${formatSteps(training)}, ${progress.reviews_per_second.toFixed(1)} reviews/s, ${formatDuration(progress.seconds_left)} left`,
        ]
      : []),
    ...(result
      ? [`${result.steps} steps in ${formatDuration(Number(result.seconds))}, accuracy ${formatAccuracy(training)}`]
      : []),
    ...(error ? [`${error.title}: ${error.detail} ${error.fix}`] : []),
  ]
}

/** Formats the measurements of a dry run. */
export function formatEstimate(estimate: TrainingPlan['estimate']): string[] {
  const memory = formatCount(Math.round(estimate.memory_bytes / 1e6))
  return [
    `about ${formatDuration(estimate.seconds)} at ${estimate.reviews_per_second.toFixed(1)} reviews/s, ${memory} MB of memory`,
  ]
}

/** Formats the plan of a training as lines of text. */
export function formatPlan(plan: Plan): string[] {
  const { method, trainable, total, percent, reviews, steps, padding, learning_rate } = plan
  const { batch_tokens = 0, batch_size, device, threads, labels, truncated, duplicates, leaked } = plan
  const batch = batch_size === undefined ? `${formatCount(batch_tokens)} tokens` : `${formatCount(batch_size)} reviews`
  const words = Object.entries(labels).map(([label, word]) => `${label} is “${word}”`)
  return [
    `${method}: ${formatCount(trainable)} of ${formatCount(total)} parameters are trained (${percent.toFixed(3)} %)`,
    `${formatCount(reviews)} reviews in ${formatCount(steps)} steps of up to ${batch}, ${(100 * padding).toFixed(1)} % padding; ${device === 'cpu' ? `${threads} threads` : `on ${device}`}; learning rate ${learning_rate}`,
    `labels: ${words.join(', ')}; ${formatCount(truncated)} reviews are truncated`,
    ...(duplicates > 0 ? [`note: ${formatCount(duplicates)} reviews occur more than once`] : []),
    ...(leaked
      ? [
          `warning: ${formatCount(leaked)} reviews of the test data are also in the training data, so the accuracy will look too good`,
        ]
      : []),
  ]
}
