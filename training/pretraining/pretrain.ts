import { availableParallelism } from 'node:os'
import { loadBase } from '../../checkpoint/base.ts'
import { requireFreeFolder } from '../../checkpoint/write-folder.ts'
import { fail } from '../../core/errors.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { modelOf } from '../../model/architectures.ts'
import { fromBase } from '../../model/method.ts'
import { packTensors } from '../../model/tensor-shapes.ts'
import { tokenizerOf } from '../data/prepare.ts'
import type { TrainingListener } from '../events.ts'
import { digestOf, openStateFolder } from '../state/state-folder.ts'
import { withStates } from '../state/with-states.ts'
import { allocateMoments, openOptimizer } from '../step/optimizer.ts'
import { allocateInitial } from '../step/packed-tensors.ts'
import type { PretrainingSpec } from './config.ts'
import { loadTask } from './loaded-task.ts'
import { runPretraining } from './run-pretraining.ts'
import { type PretrainingPoint, type PretrainingResult, saveBase } from './save-base.ts'
import { openTask, type Task } from './task.ts'

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
  const states = openStateFolder<PretrainingPoint>(spec, true)
  const pool = openRuntime('cpu', spec.threads ?? availableParallelism())
  return withStates(states, pool, async () => {
    onEvent({ type: 'stage', message: 'Reading the base and the corpora' })
    const base = await loadBase(spec.start)
    const model = modelOf(base)
    const pretraining = model.pretraining ?? throwNotPretrainable(spec.start, model.config.architecture)
    const setting = { base, model, pretraining, tokenizer: tokenizerOf(base), seed: spec.seed, heldOut: spec.held_out }
    const tasks = await Promise.all(spec.tasks.map((task) => openTask(task, setting)))
    const parameters = [
      ...model.tensors.map(fromBase),
      ...tasks.flatMap(({ objectives }) => objectives.flatMap(({ heads }) => heads)),
    ]
    const { vector: theta, views: values } = allocateInitial(parameters, base.tensors, spec.seed)
    const vectors = allocateMoments(theta)

    onEvent({ type: 'stage', message: 'Compiling the training step' })
    const loaded = await Promise.all(tasks.map((task) => loadTask(task, setting, parameters, values, pool)))
    const parts = packTensors(parameters).map(({ name, from, size }) => {
      return { from, size, factor: rateFactor(name, spec) }
    })
    const update = await openOptimizer(pool, optimizerOf(spec), parts)
    const progress = states.restore(identify(spec, tasks, base.fingerprint), vectors)
    const run = { spec, tasks, loaded, parameters, vectors, update, progress, states, onEvent }
    if (!(await runPretraining(run, signal))) return undefined
    const result = await saveBase(spec, base, values, progress)
    states.remove()
    onEvent({ type: 'pretrained', result })
    return result
  })
}

/** Paths, threads, and how often to save may change when a pretraining is resumed. Everything else must be the same. */
function identify(
  { out: _out, threads: _threads, save_seconds: _save, start: _start, tasks: configs, ...settings }: PretrainingSpec,
  tasks: readonly Task[],
  fingerprint: string,
): string {
  const withoutPaths = configs.map(({ data: _data, ...task }) => task)
  return digestOf([settings, withoutPaths, tasks.map(({ digest }) => digest), fingerprint])
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

const throwNotPretrainable = (subject: string, architecture: string): never =>
  fail('base_incomplete', {
    subject,
    expected: 'a T5',
    found: `a ${architecture}, which has no decoder to predict a first step`,
    fix: 'Start from a T5.',
  })
