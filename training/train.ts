import { availableParallelism } from 'node:os'
import { requireFreeFolder } from '../checkpoint/write-folder.ts'
import { fail, GraftError } from '../core/errors.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { type Prepared, prepare } from './data/prepare.ts'
import { trainingSteps } from './data/steps.ts'
import { evaluate } from './evaluate.ts'
import type { TrainingEvent, TrainingResult } from './events.ts'
import type { TrainingSpec } from './spec.ts'
import { saveTrained, trainedBefore } from './state/save-trained.ts'
import type { Progress } from './state/state.ts'
import { openStateFolder, type StateFolder } from './state/state-folder.ts'
import { skippedSteps } from './step/loss-scale.ts'
import { onDevice } from './step/on-device.ts'
import { openTrainer, type Trainer } from './step/trainer.ts'

type Listen = (event: TrainingEvent) => void

/** Reviews that an evaluation on the way takes from the head of the test data. */
const EVALUATED_ON_THE_WAY = 1000

/** Saving takes no more than one part in so many of the time, whatever `save_seconds` asks for. */
const SAVE_SHARE = 20

/** Points of the loss curve that a training keeps. */
const CURVE_POINTS = 100

/**
 * Trains from a specification to a checkpoint folder: the one loop for every method and caller. What happens is told to `listen`.
 * @param resume go on from the state saved beside the output folder, if there is one
 * @returns undefined where `signal` interrupted it; the state is saved then
 * @throws GraftError for everything that the specification or its files can have wrong, and `training_diverged`
 */
export async function train(
  asked: TrainingSpec,
  listen: Listen,
  signal: AbortSignal,
  resume: boolean,
): Promise<TrainingResult | undefined> {
  const spec = await onDevice(asked, listen)
  const threads = spec.threads ?? availableParallelism()
  const before = resume ? await trainedBefore(spec.out) : undefined
  if (!before) await requireFreeFolder(spec.out)
  const states = openStateFolder(asked, resume)
  if (before) {
    states.remove()
    listen({ type: 'done', result: before })
    return before
  }
  const pool = openRuntime(spec.device, threads)
  try {
    const prepared = await prepare(spec, threads, listen)
    listen({ type: 'stage', message: 'Compiling the training step' })
    const trainer = await openTrainer(prepared, pool)
    const progress = states.restore(prepared, trainer.moments)
    if (progress.loss_scale) trainer.lossScale?.set(progress.loss_scale)
    trainer.stepper.put()
    const completed = await loop(prepared, trainer, progress, states, listen, signal)
    if (!completed) return undefined
    const metrics = prepared.test && (await measure(prepared, trainer, prepared.test.ids.length, listen))
    const result = await saveTrained(prepared, trainer, progress, metrics)
    states.remove()
    listen({ type: 'done', result })
    return result
  } catch (error) {
    // Going on from there would end there again; the fixed training shall find the folder free.
    if (error instanceof GraftError && error.code === 'training_diverged') states.remove()
    throw error
  } finally {
    await pool.close()
    states.close()
  }
}

/** Takes the steps that are left. @returns whether the end was reached */
async function loop(
  prepared: Prepared,
  trainer: Trainer,
  progress: Progress,
  states: StateFolder,
  listen: Listen,
  signal: AbortSignal,
): Promise<boolean> {
  const { spec, plan, lengths } = prepared
  const begun = { at: performance.now(), seconds: progress.seconds, reviews: progress.reviews }
  const everyPoint = Math.max(1, Math.floor(plan.steps / CURVE_POINTS))
  const done = progress.step
  /** Reviews of the steps that were taken and whose losses are not known yet. */
  let unread: number[] = []
  const settle = async () => {
    for (const [i, loss] of (await trainer.stepper.losses()).entries()) {
      if (!Number.isFinite(loss)) diverged(spec, progress.step + 1, loss)
      advance(progress, loss, unread[i])
      if (progress.step % everyPoint === 0 || progress.step === plan.steps)
        progress.curve.push({ step: progress.step, loss: progress.loss })
    }
    unread = []
    if (trainer.lossScale) progress.loss_scale = [...trainer.lossScale]
    progress.seconds = begun.seconds + (performance.now() - begun.at) / 1000
    const rate = (progress.reviews - begun.reviews) / (progress.seconds - begun.seconds)
    listen({
      type: 'step',
      step: progress.step,
      steps: plan.steps,
      loss: progress.loss,
      ...(trainer.lossScale && { skipped: skippedSteps(trainer.lossScale) }),
      reviews_per_second: rate,
      seconds_left: (plan.steps - progress.step) * (progress.reviews / progress.step / rate),
    })
  }
  // What was not begun has no state yet; an interrupt then saves one, since it promises that --resume goes on.
  let savedStep = done > 0 ? done : -1
  let nextSave = performance.now() + 1000 * spec.save_seconds
  const save = async () => {
    if (unread.length > 0) await settle()
    if (savedStep === progress.step) return
    const begun = performance.now()
    await trainer.stepper.fetch()
    listen({ type: 'saved', step: progress.step, folder: states.save(progress, trainer.moments) })
    savedStep = progress.step
    const now = performance.now()
    nextSave = now + Math.max(1000 * spec.save_seconds, SAVE_SHARE * (now - begun))
  }
  let step = 0
  for (const rows of trainingSteps(lengths, spec)) {
    if (step++ < done) continue
    if (signal.aborted) {
      await save()
      return false
    }
    await trainer.step(rows, step - 1)
    unread.push(rows.flat().length)
    const evaluated = prepared.test && spec.evaluate_every && step % spec.evaluate_every === 0
    if (evaluated || unread.length >= trainer.stepper.lossesEvery) await settle()
    if (evaluated) {
      const { accuracy } = await measure(prepared, trainer, EVALUATED_ON_THE_WAY, listen)
      const point = { step, loss: progress.loss, accuracy }
      progress.curve.push(point)
      listen({ type: 'point', point })
    }
    if (performance.now() >= nextSave) await save()
  }
  await save()
  return true
}

/** The shown loss is a running mean over about fifty steps; in the first of them, the mean so far. */
function advance(progress: Progress, loss: number, reviews: number): void {
  progress.step++
  progress.reviews += reviews
  progress.loss += (loss - progress.loss) / Math.min(progress.step, 50)
}

async function measure({ test, labels, base }: Prepared, trainer: Trainer, limit: number, listen: Listen) {
  if (!test) throw new Error('there is nothing to measure on')
  const head = {
    ids: test.ids.slice(0, limit),
    labels: test.labels.slice(0, limit),
    truncated: test.truncated.slice(0, limit),
  }
  return evaluate(await trainer.classifier(), head, labels.labels, base.t5, (done) =>
    listen({ type: 'evaluation', done, of: head.ids.length }),
  )
}

function diverged(spec: TrainingSpec, step: number, loss: number): never {
  return fail('training_diverged', {
    subject: `step ${step}`,
    expected: 'a finite loss',
    found: String(loss),
    fix: `Train again with a lower --learning-rate than ${spec.learning_rate}.`,
  })
}

/**
 * The dry run: everything is read and checked, two real steps are taken and measured, nothing is written.
 */
export async function planTraining(asked: TrainingSpec, listen: Listen): Promise<void> {
  const spec = await onDevice(asked, listen)
  const threads = spec.threads ?? availableParallelism()
  const pool = openRuntime(spec.device, threads)
  try {
    const prepared = await prepare(spec, threads, listen)
    listen({ type: 'stage', message: 'Measuring two steps' })
    const trainer = await openTrainer(prepared, pool)
    const { plan } = prepared
    const measured = { seconds: 0, reviews: 0 }
    let index = 0
    for (const rows of trainingSteps(prepared.lengths, spec)) {
      const begun = performance.now()
      await trainer.step(rows, index++)
      await trainer.stepper.losses()
      measured.seconds += (performance.now() - begun) / 1000
      measured.reviews += rows.flat().length
      if (index === 2) break
    }
    const rate = measured.reviews / measured.seconds
    const reviews = (plan.steps * measured.reviews) / index
    const estimate = { seconds: reviews / rate, reviews_per_second: rate, memory_bytes: process.memoryUsage.rss() }
    listen({ type: 'estimate', plan, estimate })
  } finally {
    await pool.close()
  }
}
