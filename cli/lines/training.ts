import { formatCount } from '../../core/format-count.ts'
import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import type { CalibrationScores } from '../../training/calibration-scores.ts'
import type { Calibration, Plan, TrainingResult } from '../../training/events.ts'
import type { Finding } from '../../training/findings.ts'
import { formatPercent } from '../output.ts'
import { formatDuration } from '../progress.ts'
import { describeSkippedOf, formatReading } from './reading.ts'

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
      ? [
          `${result.steps} steps in ${formatDuration(Number(result.seconds))}, accuracy ${formatAccuracy(training)}`,
          ...(result.calibration ? [formatCalibration(result.calibration as Calibration)] : []),
          ...formatSkipped(result.skipped as TrainingResult['skipped']),
          ...formatFindings(warningsOf(result.findings as Finding[] | undefined)),
        ]
      : []),
    ...(error ? [`${error.title}: ${error.detail} ${error.fix}`] : []),
  ]
}

/** Formats the rows that a training did not read as lines of text. */
export const formatSkipped = (skipped: TrainingResult['skipped']): string[] =>
  Object.entries(skipped ?? {}).flatMap(([file, rows]) => [
    describeSkippedOf(`the ${file === 'data' ? 'training' : 'test'} data`, rows),
  ])

/** Formats the temperature of an adapter as a line of text, with its effect on the held-out reviews. */
export function formatCalibration({ reviews, temperature, before, after }: Calibration): string {
  if (!before || !after) return `no temperature was fitted, because no reviews were held out (--calibration-rows)`
  return `temperature ${temperature.toPrecision(3)}, fitted to ${formatCount(reviews)} held-out reviews: ${formatScores(after)}; without it ${before.ece.toFixed(4)} and ${before.log_loss.toFixed(4)}`
}

export const formatScores = ({ ece, log_loss }: CalibrationScores): string =>
  `expected calibration error ${ece.toFixed(4)}, log loss ${log_loss.toFixed(4)}`

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
  const { batch_tokens = 0, batch_size, device, threads, labels, truncated, held_out, findings, data, test } = plan
  const batch = batch_size === undefined ? `${formatCount(batch_tokens)} tokens` : `${formatCount(batch_size)} reviews`
  const words = Object.entries(labels).map(([label, word]) => `${label} is “${word}”`)
  return [
    `${method}: ${formatCount(trainable)} of ${formatCount(total)} parameters are trained (${percent.toFixed(3)} %)`,
    `${formatCount(reviews)} reviews in ${formatCount(steps)} steps of up to ${batch}, ${(100 * padding).toFixed(1)} % padding; ${device === 'cpu' ? `${threads} threads` : `on ${device}`}; learning rate ${learning_rate}`,
    `labels: ${words.join(', ')}; ${formatCount(truncated)} reviews are truncated`,
    held_out > 0
      ? `${formatCount(held_out)} reviews are held out, to fit the temperature to`
      : 'no reviews are held out, so no temperature is fitted (--calibration-rows)',
    ...(data ? formatReading('the training data', data) : []),
    ...(test ? formatReading('the test data', test) : []),
    ...formatFindings(findings),
  ]
}

/** Formats findings as lines of text. Older plans and data sets in lists have none. */
export const formatFindings = (findings: readonly Finding[] = []): string[] =>
  findings.map(({ level, message, fix }) => `${level}: ${message} ${fix}`)

/** Returns the findings that a result repeats. Its notes were in the plan. */
export const warningsOf = (findings: readonly Finding[] = []): Finding[] =>
  findings.filter(({ level }) => level === 'warning')
