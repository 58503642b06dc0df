import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import { percentText } from '../output.ts'
import { duration, grouped } from '../progress.ts'

export const progressOf = ({ progress }: Training): string =>
  progress ? `${progress.step}/${progress.total_steps}` : '-'

export function accuracyOf({ result }: Training): string {
  return typeof result?.accuracy === 'number' ? percentText(result.accuracy) : '-'
}

/** A training for a person. */
export function trainingLines(training: Training): string[] {
  const { id, name, status, pausing, progress, result, error } = training
  return [
    `${name ?? 'training'} (${id}): ${pausing ? 'pausing' : status}`,
    ...(progress && status === 'running'
      ? [
          `step ${progressOf(training)}, ${progress.reviews_per_second.toFixed(1)} reviews/s, ${duration(progress.seconds_left)} left`,
        ]
      : []),
    ...(result
      ? [`${result.steps} steps in ${duration(Number(result.seconds))}, accuracy ${accuracyOf(training)}`]
      : []),
    ...(error ? [`${error.title}: ${error.detail} ${error.fix}`] : []),
  ]
}

/** What a dry run measured, for a person. */
export function planLines({ estimate }: Pick<TrainingPlan, 'estimate'>): string[] {
  const memory = grouped(Math.round(estimate.memory_bytes / 1e6))
  return [
    `about ${duration(estimate.seconds)} at ${estimate.reviews_per_second.toFixed(1)} reviews/s, ${memory} MB of memory`,
  ]
}
