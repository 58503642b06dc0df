import { availableParallelism } from 'node:os'
import { loadBase } from '../../checkpoint/base.ts'
import { requireFreeFolder } from '../../checkpoint/write-folder.ts'
import { fail } from '../../core/errors.ts'
import { makeRandom } from '../../core/random.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { modelOf } from '../../model/architectures.ts'
import { fromBase } from '../../model/method.ts'
import { packTensors } from '../../model/tensor-shapes.ts'
import { tokenizerOf } from '../data/prepare.ts'
import type { TrainingListener } from '../events.ts'
import { learningRateAt } from '../schedule.ts'
import type { Progress } from '../state/state.ts'
import { digestOf, openStateFolder } from '../state/state-folder.ts'
import { allocateMoments, openOptimizer } from '../step/optimizer.ts'
import { allocatePacked } from '../step/packed-tensors.ts'
import type { PretrainingSpec } from './config.ts'
import { type LoadedTask, loadTask } from './loaded-task.ts'
import { type PretrainingResult, saveBase } from './save-base.ts'
import { openSchedule } from './schedule.ts'
import { type Batch, openTask, type Task } from './task.ts'

/** The reported losses are running means over about this many steps. */
const LOSS_WINDOW_STEPS = 50

/** After a save, pretraining continues for at least this many times as long as the save took. */
const SAVE_INTERVAL_FACTOR = 20

/**
 * Pretrains a base as specified and writes its folder. Continues from the state that is saved next to the output
 * folder, if there is one. Equal specifications give equal bytes, whatever was killed in between and however many
 * threads there are.
 * @param signal interrupts the pretraining, which then saves its state
 * @returns undefined if the pretraining was interrupted
 * @throws GraftError if the specification or its files are not valid; `training_diverged`
 */
export async function pretrain(
  spec: PretrainingSpec,
  onEvent: TrainingListener,
  signal: AbortSignal,
): Promise<PretrainingResult | undefined> {
  await requireFreeFolder(spec.out)
  const states = openStateFolder(spec, true)
  const threads = spec.threads ?? availableParallelism()
  const pool = openRuntime('cpu', threads)
  try {
    onEvent({ type: 'stage', message: 'Reading the base and the corpora' })
    const base = await loadBase(spec.start)
    const model = modelOf(base)
    if (!model.pretraining) throwNotPretrainable(spec.start, model.config.architecture)
    const setting = { base, model, tokenizer: tokenizerOf(base), seed: spec.seed, heldOut: spec.held_out }
    const tasks = await Promise.all(spec.tasks.map((task) => openTask(task, setting)))
    const parameters = [
      ...model.tensors.map(fromBase),
      ...tasks.flatMap(({ objectives }) => objectives.flatMap(({ heads }) => heads)),
    ]
    const { vector: theta, views: values } = allocatePacked(parameters)
    const draw = makeRandom(spec.seed, 'initial values')
    for (const { name, initial } of parameters)
      values[name].set(initial(draw, (tensor) => base.tensors.get(tensor) as Float32Array))
    const vectors = allocateMoments(theta)
    const { vector: gradient, views: gradients } = allocatePacked(parameters)

    onEvent({ type: 'stage', message: 'Compiling the training step' })
    const loaded = await Promise.all(tasks.map((task) => loadTask(task, { base, model }, parameters, values, pool)))
    const parts = packTensors(parameters).map(({ name, from, size }) => ({
      from,
      size,
      factor: rateFactor(name, spec),
    }))
    const update = await openOptimizer(pool, optimizerOf(spec), parts)

    const { out: _out, threads: _threads, save_seconds: _save, start: _start, tasks: configs, ...settings } = spec
    const identity = [
      settings,
      configs.map(({ data: _data, ...task }) => task),
      tasks.map(({ digest }) => digest),
      base.fingerprint,
    ]
    const progress = states.restore(digestOf(identity), vectors)
    const curve = progress.curve as unknown as PretrainingResult['curve']
    const started = { at: performance.now(), seconds: progress.seconds, step: progress.step }
    const names = tasks.map(({ config }) => config.objectives.map(({ kind }, i) => `${config.name}.${i}_${kind}`))
    const means = new Map<string, number>()
    const batchAt = openSchedule(tasks)
    const elapsed = () => started.seconds + (performance.now() - started.at) / 1000

    let nextSave = performance.now() + 1000 * spec.save_seconds
    const save = () => {
      const before = performance.now()
      progress.seconds = elapsed()
      onEvent({ type: 'saved', step: progress.step, folder: states.save(progress, vectors) })
      const now = performance.now()
      nextSave = now + Math.max(1000 * spec.save_seconds, SAVE_INTERVAL_FACTOR * (now - before))
    }
    const evaluate = async () => {
      const losses: Record<string, number> = {}
      for (const [i, task] of tasks.entries())
        for (const [k, loss] of (await meanHeldOutLosses(task, loaded[i].evaluate)).entries())
          losses[names[i][k]] = loss
      const point = { step: progress.step, losses: Object.fromEntries(means), held_out: losses }
      curve.push(point)
      onEvent({ type: 'pretraining_evaluation', ...point })
    }

    for (let step = 0; step < spec.steps; step++) {
      const batches = batchAt(step)
      if (step < progress.step) continue
      if (signal.aborted) {
        save()
        return undefined
      }
      gradient.fill(0)
      for (const [i, batch] of batches.entries()) {
        if (!batch) continue
        const losses = await loaded[i].addGradient(tasks[i].toMicroBatches(batch, step), gradients)
        for (const [k, loss] of losses.entries()) {
          if (!Number.isFinite(loss)) throwDiverged(spec, step + 1, loss)
          const mean = means.get(names[i][k]) ?? loss
          means.set(names[i][k], mean + (loss - mean) / Math.min(step + 1, LOSS_WINDOW_STEPS))
        }
      }
      const warmup = Math.round(spec.warmup * spec.steps)
      const rate = spec.learning_rate * learningRateAt(step, { warmup, total: spec.steps })
      await update(vectors, gradient, step + 1, rate)
      recordStep(progress, batches)
      const seconds = elapsed()
      const pace = (seconds - started.seconds) / (progress.step - started.step)
      onEvent({
        type: 'pretraining_step',
        step: progress.step,
        steps: spec.steps,
        losses: Object.fromEntries(means),
        seconds_left: (spec.steps - progress.step) * pace,
      })
      if (progress.step % spec.evaluate_every === 0 || progress.step === spec.steps) await evaluate()
      if (performance.now() >= nextSave) save()
    }
    progress.seconds = elapsed()
    const result = await saveBase(spec, base, values, progress, curve)
    states.remove()
    onEvent({ type: 'pretrained', result })
    return result
  } finally {
    await pool.close()
    states.close()
  }
}

const optimizerOf = ({ beta1, beta2, weight_decay, max_grad_norm }: PretrainingSpec) => ({
  beta1,
  beta2,
  epsilon: 1e-8,
  weightDecay: weight_decay,
  maxGradNorm: max_grad_norm,
})

/** Returns the product of the factors of all patterns that occur in a tensor's name. */
const rateFactor = (name: string, { rate_factors }: PretrainingSpec): number =>
  Object.entries(rate_factors).reduce((factor, [text, own]) => (name.includes(text) ? factor * own : factor), 1)

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
function recordStep(progress: Progress, batches: readonly (Batch | undefined)[]): void {
  progress.step++
  for (const segment of batches.flatMap((batch) => batch?.flat() ?? [])) progress.reviews += segment.to - segment.from
}

const throwNotPretrainable = (subject: string, architecture: string): never =>
  fail('base_incomplete', {
    subject,
    expected: 'a T5',
    found: `a ${architecture}, which has no decoder to predict a first step`,
    fix: 'Start from a T5.',
  })

function throwDiverged({ learning_rate }: PretrainingSpec, step: number, loss: number): never {
  return fail('training_diverged', {
    subject: `step ${step}`,
    expected: 'a finite loss',
    found: String(loss),
    fix: `Start again with a learning_rate lower than ${learning_rate}.`,
  })
}
