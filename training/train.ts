import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { requireFreeFolder } from '../checkpoint/write-folder.ts'
import { requireDiskSpace } from '../core/disk-space.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { calibrate } from './calibrate.ts'
import { prepare } from './data/prepare.ts'
import type { TrainingListener, TrainingResult } from './events.ts'
import { evaluateOnTest, runSteps } from './run-steps.ts'
import type { TrainingSpec } from './spec.ts'
import { readFinishedResult, saveCheckpoint } from './state/save-checkpoint.ts'
import { identifyTraining, openStateFolder } from './state/state-folder.ts'
import { withStates } from './state/with-states.ts'
import { resolveDevice } from './step/resolve-device.ts'
import { openTrainer } from './step/trainer.ts'

/**
 * Trains as specified and writes a checkpoint folder. Every method and every caller uses this function.
 * @param onEvent called with everything that happens
 * @param signal interrupts the training, which then saves its state
 * @param resume continues from the state that is saved next to the output folder, if there is one
 * @param diskReserve the bytes that must stay free on the disk of the output folder. Defaults to no reserve.
 * @returns undefined if the training was interrupted
 * @throws GraftError if the specification or its files are not valid; `training_diverged`, `disk_full`
 */
export async function train(
  requested: TrainingSpec,
  onEvent: TrainingListener,
  signal: AbortSignal,
  resume: boolean,
  diskReserve?: number,
): Promise<TrainingResult | undefined> {
  const spec = await resolveDevice(requested, onEvent)
  const threads = spec.threads ?? availableParallelism()
  const finished = resume ? await readFinishedResult(spec.out) : undefined
  if (!finished) await requireFreeFolder(spec.out)
  const states = openStateFolder(requested, resume)
  if (finished) {
    states.remove()
    onEvent({ type: 'done', result: finished })
    return finished
  }
  const requireSpace = async (bytes: number) => {
    if (diskReserve === undefined) return
    await requireDiskSpace({ folder: dirname(resolve(spec.out)), reserve: diskReserve }, bytes)
  }
  const pool = openRuntime(spec.device, threads)
  return withStates(states, pool, async () => {
    const prepared = await prepare(spec, threads, onEvent)
    onEvent({ type: 'stage', message: 'Compiling the training step' })
    const trainer = await openTrainer(prepared, pool)
    const progress = states.restore(identifyTraining(requested, prepared), trainer.vectors)
    if (progress.loss_scale) trainer.lossScale?.set(progress.loss_scale)
    trainer.stepper.upload()
    const completed = await runSteps({ prepared, trainer, progress, states, requireSpace, onEvent }, signal)
    if (!completed) return undefined
    const calibration = await calibrate(prepared, trainer, onEvent)
    const metrics =
      prepared.test &&
      (await evaluateOnTest(prepared, trainer, prepared.test.ids.length, onEvent, calibration.temperature))
    await requireSpace(trainer.vectors.theta.byteLength)
    const result = await saveCheckpoint(prepared, trainer, progress, calibration, metrics)
    states.remove()
    onEvent({ type: 'done', result })
    return result
  })
}
