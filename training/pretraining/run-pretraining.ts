import { fail } from '../../core/errors.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import type { TrainingListener } from '../events.ts'
import { updateMean } from '../running-mean.ts'
import { learningRateAt } from '../schedule.ts'
import { startSaveTimer } from '../state/save-timer.ts'
import type { Progress } from '../state/state.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { openOptimizer, TrainingVectors } from '../step/optimizer.ts'
import { allocatePacked } from '../step/packed-tensors.ts'
import type { PretrainingSpec } from './config.ts'
import type { LoadedTask } from './loaded-task.ts'
import type { PretrainingPoint } from './save-base.ts'
import { openSchedule } from './schedule.ts'
import type { Batch, Task } from './task.ts'

/** A pretraining between its preparation and its folder. */
interface PretrainingRun {
  spec: PretrainingSpec
  tasks: readonly Task[]
  /** The programs of the tasks, in their order. */
  loaded: readonly LoadedTask[]
  /** The trained tensors, in the order of the vectors. */
  parameters: readonly NamedShape[]
  vectors: TrainingVectors
  update: Awaited<ReturnType<typeof openOptimizer>>
  progress: Progress<PretrainingPoint>
  states: StateFolder<PretrainingPoint>
  onEvent: TrainingListener
}

/**
 * Runs the remaining steps of a pretraining.
 * @returns false if `signal` interrupted it; its state is saved then
 * @throws GraftError `training_diverged`
 */
export async function runPretraining(run: PretrainingRun, signal: AbortSignal): Promise<boolean> {
  const { spec, tasks, loaded, parameters, vectors, update, progress, states, onEvent } = run
  const { vector: gradient, views: gradients } = allocatePacked(parameters)
  const started = { at: performance.now(), seconds: progress.seconds, step: progress.step }
  const names = tasks.map(({ config }) => config.objectives.map(({ kind }, i) => `${config.name}.${i}_${kind}`))
  progress.losses ??= {}
  const means = progress.losses
  const batchAt = openSchedule(tasks)
  const warmup = Math.round(spec.warmup * spec.steps)

  const timer = startSaveTimer(spec.save_seconds)
  const save = () => {
    const start = performance.now()
    onEvent({ type: 'saved', step: progress.step, folder: states.save(progress, vectors) })
    timer.restart(start)
  }
  const evaluate = async () => {
    const losses: Record<string, number> = {}
    for (const [i, task] of tasks.entries())
      for (const [k, loss] of (await meanHeldOutLosses(task, loaded[i].evaluate)).entries()) losses[names[i][k]] = loss
    const point = { step: progress.step, losses: { ...means }, held_out: losses }
    progress.curve.push(point)
    onEvent({ type: 'pretraining_evaluation', ...point })
  }

  for (let step = 0; step < spec.steps; step++) {
    const batches = batchAt(step)
    if (step < started.step) continue
    if (signal.aborted) {
      save()
      return false
    }
    gradient.fill(0)
    for (const [i, batch] of batches.entries()) {
      if (!batch) continue
      const losses = await loaded[i].addGradient(tasks[i].toMicroBatches(batch, step), gradients)
      for (const [k, loss] of losses.entries()) {
        if (!Number.isFinite(loss)) throwDiverged(spec, step + 1, loss)
        means[names[i][k]] = updateMean(means[names[i][k]] ?? loss, loss, step + 1)
      }
    }
    await update(vectors, gradient, step + 1, spec.learning_rate * learningRateAt(step, { warmup, total: spec.steps }))
    recordStep(progress, batches)
    progress.seconds = started.seconds + (performance.now() - started.at) / 1000
    onEvent({
      type: 'pretraining_step',
      step: progress.step,
      steps: spec.steps,
      losses: { ...means },
      seconds_left:
        ((spec.steps - progress.step) * (progress.seconds - started.seconds)) / (progress.step - started.step),
    })
    if (progress.step % spec.evaluate_every === 0 || progress.step === spec.steps) await evaluate()
    if (timer.isDue()) save()
  }
  return true
}

/** Returns the mean loss of each objective over the batches of the held-out documents. */
async function meanHeldOutLosses(
  { heldOut, toMicroBatches, objectives }: Task,
  evaluate: LoadedTask['evaluate'],
): Promise<number[]> {
  const means = objectives.map(() => 0)
  for (const batch of heldOut)
    for (const [k, loss] of (await evaluate(toMicroBatches(batch, 0))).entries()) means[k] += loss / heldOut.length
  return means
}

/** Adds a step to the progress, whose `reviews` are tokens here. */
function recordStep(progress: Progress<PretrainingPoint>, batches: readonly (Batch | undefined)[]): void {
  progress.step++
  for (const segment of batches.flatMap((batch) => batch?.flat() ?? [])) progress.reviews += segment.to - segment.from
}

function throwDiverged({ learning_rate }: PretrainingSpec, step: number, loss: number): never {
  return fail('training_diverged', {
    subject: `step ${step}`,
    expected: 'a finite loss',
    found: String(loss),
    fix: `Start again with a learning_rate lower than ${learning_rate}.`,
  })
}
