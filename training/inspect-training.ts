import type { Calibration } from './events.ts'
import { type Finding, formatNumber, formatShare, quote } from './findings.ts'
import type { Metrics } from './metrics.ts'

/** The outcome of a training, as far as it shows whether anything was learned. */
export interface TrainingOutcome {
  /** The label of each training example, by index. */
  labels: readonly number[]
  steps: number
  /** The running mean of the training loss at the end. */
  loss: number
  /** Target positions over which the loss is a mean. All but the first are certain. */
  positions: number
  calibration: Calibration
  /** The metrics of the test data. */
  metrics?: Metrics
}

/** Reports a training that learned no more than how often each label occurs. */
export function inspectTraining(outcome: TrainingOutcome): Finding[] {
  const accuracy = findPoorAccuracy(outcome)
  // A short training has a high mean loss, although it ends well. Its accuracy then shows that it has learned.
  const hasLearned = outcome.metrics !== undefined && !accuracy
  const loss = hasLearned ? undefined : findHighLoss(outcome)
  return [accuracy, loss].filter((finding) => finding !== undefined)
}

const RETRY =
  'Check that the labels are right, then train longer (epochs) or with another learning rate, higher if the loss hardly fell and lower if it rose.'

function findHighLoss({ labels, steps, loss, positions, calibration: { after, reviews } }: TrainingOutcome) {
  const guess = entropyOf(labels)
  const found =
    loss >= guess / positions
      ? { value: loss, guess: guess / positions, of: 'The final loss', count: steps }
      : after && after.log_loss >= guess
        ? {
            value: after.log_loss,
            guess,
            of: `The loss on ${formatNumber(reviews, 'held-out review')}`,
            count: reviews,
          }
        : undefined
  if (!found) return undefined
  return {
    code: 'loss_not_below_guessing',
    level: 'warning',
    message: `The training did not learn to tell the labels apart. ${found.of} is ${found.value.toFixed(4)}, and guessing by the frequency of each label has ${found.guess.toFixed(4)}.`,
    count: found.count,
    fix: RETRY,
  } satisfies Finding
}

function findPoorAccuracy({ metrics }: TrainingOutcome) {
  if (!metrics) return undefined
  const { n, accuracy, interval, classes } = metrics
  const largest = classes.reduce((most, one) => (one.n > most.n ? one : most))
  const share = largest.n / n
  if (interval[0] > share) return undefined
  const facts = `The accuracy of ${formatShare(accuracy)} (95 % interval ${interval.map(formatShare).join(' to ')}, ${formatNumber(n, 'review')})`
  const guess = `always answering ${quote(largest.label)}, the largest class, has ${formatShare(share)}`
  return {
    code: 'accuracy_not_above_guessing',
    level: 'warning',
    message:
      accuracy <= share
        ? `The training did not learn to tell the labels apart. ${facts} is not above guessing: ${guess}.`
        : `It is not certain that the training learned anything. ${facts} is not clearly above guessing: ${guess}.`,
    count: n,
    share: accuracy,
    fix: accuracy <= share ? RETRY : 'Use more test reviews, or train on more reviews.',
  } satisfies Finding
}

/** Returns the mean loss of an adapter that only knows how often each label occurs. */
function entropyOf(labels: readonly number[]): number {
  const counts = [...Map.groupBy(labels, (label) => label).values()].map(({ length }) => length)
  return counts.reduce((sum, count) => sum - (count / labels.length) * Math.log(count / labels.length), 0)
}
