import { modelOf } from '../model/architectures.ts'
import { softmax } from '../model/batch.ts'
import { scoreCalibration } from './calibration-scores.ts'
import type { PreparedTraining } from './data/prepare.ts'
import { computeLogits } from './evaluate.ts'
import type { Calibration, TrainingListener } from './events.ts'
import type { Trainer } from './step/trainer.ts'
import { fitTemperature } from './temperature.ts'

/**
 * Fits the temperature of the current parameters to the held-out examples.
 * @throws GraftError `training_diverged` if a logit is not a number
 */
export async function calibrate(
  { heldOut: { ids, labels: truth }, labels, base }: PreparedTraining,
  trainer: Trainer,
  onEvent: TrainingListener,
): Promise<Calibration> {
  const reviews = ids.length
  if (reviews === 0) return { reviews, temperature: 1 }
  onEvent({ type: 'stage', message: `Fitting the temperature to ${reviews} held-out reviews` })
  const classes = labels.labels.length
  const logits = await computeLogits(await trainer.classifier(), ids, classes, modelOf(base), (done) =>
    onEvent({ type: 'evaluation_progress', done, total: reviews }),
  )
  const scoreAt = (temperature: number) =>
    scoreCalibration(logits.map((row, i) => ({ label: truth[i], probabilities: softmax(row, temperature) })))
  const before = scoreAt(1)
  const temperature = fitTemperature(logits, truth)
  return { reviews, temperature, before, after: scoreAt(temperature) }
}
