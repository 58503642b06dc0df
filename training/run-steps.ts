import { fail } from '../core/errors.ts'
import { modelOf } from '../model/architectures.ts'
import type { PreparedTraining } from './data/prepare.ts'
import { trainingSteps } from './data/steps.ts'
import { evaluate } from './evaluate.ts'
import type { TrainingListener } from './events.ts'
import type { Metrics } from './metrics.ts'
import { updateMean } from './running-mean.ts'
import type { TrainingSpec } from './spec.ts'
import { startSaveTimer } from './state/save-timer.ts'
import type { Progress } from './state/state.ts'
import type { StateFolder } from './state/state-folder.ts'
import { skippedSteps } from './step/loss-scale.ts'
import type { Trainer } from './step/trainer.ts'

/** An evaluation between two steps reads no more than this many examples, from the beginning of the test data. */
const MAX_INTERIM_EXAMPLES = 1000

/** The approximate number of points of a loss curve. */
const TARGET_CURVE_POINTS = 100

/** A training between its preparation and its checkpoint. */
interface TrainingRun {
  prepared: PreparedTraining
  trainer: Trainer
  progress: Progress
  states: StateFolder
  /** Rejects if the disk has no room for a number of bytes. */
  requireSpace: (bytes: number) => Promise<void>
  onEvent: TrainingListener
}

/**
 * Runs the remaining steps of a training: the one loop for all methods and devices.
 * @returns false if `signal` interrupted it; its state is saved then
 * @throws GraftError `training_diverged`, `disk_full`
 */
export async function runSteps(run: TrainingRun, signal: AbortSignal): Promise<boolean> {
  const { prepared, trainer, progress, states, requireSpace, onEvent } = run
  const { spec, plan, lengths } = prepared
  const started = { at: performance.now(), seconds: progress.seconds, examples: progress.reviews }
  const curveInterval = Math.max(1, Math.floor(plan.steps / TARGET_CURVE_POINTS))
  const doneSteps = progress.step

  /** The number of examples of each step whose loss has not been read yet. */
  let pending: number[] = []
  const readPendingLosses = async () => {
    for (const [i, loss] of (await trainer.stepper.readLosses()).entries()) {
      if (!Number.isFinite(loss)) throwDiverged(spec, progress.step + 1, loss)
      recordStep(progress, loss, pending[i])
      if (progress.step % curveInterval === 0 || progress.step === plan.steps)
        progress.curve.push({ step: progress.step, loss: progress.loss })
    }
    pending = []
    if (trainer.lossScale) progress.loss_scale = [...trainer.lossScale]
    progress.seconds = started.seconds + (performance.now() - started.at) / 1000
    const rate = (progress.reviews - started.examples) / (progress.seconds - started.seconds)
    onEvent({
      type: 'step',
      step: progress.step,
      steps: plan.steps,
      loss: progress.loss,
      ...(trainer.lossScale && { skipped: skippedSteps(trainer.lossScale) }),
      reviews_per_second: rate,
      seconds_left: (plan.steps - progress.step) * (progress.reviews / progress.step / rate),
    })
  }

  // A training without a step has no state. An interrupt saves one nevertheless, because --resume must then work.
  let savedStep = doneSteps > 0 ? doneSteps : -1
  const timer = startSaveTimer(spec.save_seconds)
  const save = async () => {
    if (pending.length > 0) await readPendingLosses()
    if (savedStep === progress.step) return
    const start = performance.now()
    await trainer.stepper.download()
    await requireSpace(Object.values(trainer.vectors).reduce((bytes, { byteLength }) => bytes + byteLength, 0))
    onEvent({ type: 'saved', step: progress.step, folder: states.save(progress, trainer.vectors) })
    savedStep = progress.step
    timer.restart(start)
  }

  let step = 0
  for (const rows of trainingSteps(lengths, spec)) {
    if (step++ < doneSteps) continue
    if (signal.aborted) {
      await save()
      return false
    }
    await trainer.step(rows, step - 1)
    pending.push(rows.flat().length)
    const evaluationDue = prepared.test && spec.evaluate_every && step % spec.evaluate_every === 0
    if (evaluationDue || pending.length >= trainer.stepper.lossReadInterval) await readPendingLosses()
    if (evaluationDue) {
      const { accuracy } = await evaluateOnTest(prepared, trainer, MAX_INTERIM_EXAMPLES, onEvent)
      const point = { step, loss: progress.loss, accuracy }
      progress.curve.push(point)
      onEvent({ type: 'evaluation', ...point })
    }
    if (timer.isDue()) await save()
  }
  await save()
  return true
}

/** Adds a step to the progress. */
function recordStep(progress: Progress, loss: number, examples: number): void {
  progress.step++
  progress.reviews += examples
  progress.loss = updateMean(progress.loss, loss, progress.step)
}

/** Evaluates the current parameters on the test data, up to `limit` examples. */
export async function evaluateOnTest(
  { test, labels, base }: PreparedTraining,
  trainer: Trainer,
  limit: number,
  onEvent: TrainingListener,
  temperature?: number,
): Promise<Metrics> {
  if (!test) throw new Error('the training has no test data')
  const examples = {
    ids: test.ids.slice(0, limit),
    labels: test.labels.slice(0, limit),
    truncated: test.truncated.slice(0, limit),
  }
  return evaluate(await trainer.classifier(), examples, labels.labels, modelOf(base), {
    temperature,
    onProgress: (done) => onEvent({ type: 'evaluation_progress', done, total: examples.ids.length }),
  })
}

function throwDiverged(spec: TrainingSpec, step: number, loss: number): never {
  return fail('training_diverged', {
    subject: `step ${step}`,
    expected: 'a finite loss',
    found: String(loss),
    fix: `Train again with a --learning-rate lower than ${spec.learning_rate}.`,
  })
}
