import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DISK_RESERVE_BYTES } from '../../core/disk-space.ts'
import { GraftError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import type { TrainingEvent } from '../../training/events.ts'
import { type PathNames, redactPaths } from '../files/redact-paths.ts'
import { earlyExitError } from '../offline/start-child.ts'
import { runTrainingProcess } from '../offline/training-process.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import { selectLastStep } from '../store/training-events.ts'
import { transitionTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import { countSteps } from './count-steps.ts'
import { completeTraining, uploadAdapter } from './finish-training.ts'
import { openRecorder, type PendingWrites } from './recorder.ts'
import { isTransient, requeueOrFail } from './retries.ts'
import { openStateUploader } from './state-uploader.ts'
import { isOutOfTime, outOfTimeError } from './time-limit.ts'
import { fetchTrainingInputs } from './training-inputs.ts'
import { createTrainingLog } from './training-log.ts'
import type { WorkerOptions } from './worker-options.ts'

const DEFAULT_SLICE_SECONDS = 600
/** The time that a training process has to save its state when its worker closes. */
const CLOSING_GRACE_MS = 15_000

/**
 * Runs one slice of a training. A slice is a bounded part of it that one worker runs: from the saved state to a new
 * one, to the end of the training, or to a failure.
 * @param training claimed by this worker
 * @param folder created for the slice, and removed at its end
 * @param closing signals that the worker is closing: the state is saved and the training requeued at once
 * @returns the row as this worker left it; undefined if the training was cancelled or another worker has it
 */
export async function runSlice(
  options: WorkerOptions,
  training: TrainingRow,
  folder: string,
  closing: AbortSignal,
): Promise<TrainingRow | undefined> {
  const { store, artifacts, queue, logger, sliceSeconds = DEFAULT_SLICE_SECONDS } = options
  const { id, fencing_token } = training
  /** Aborts when this worker can no longer write to the training. The reason is the error. */
  const superseded = new AbortController()
  const clock = startSliceClock(sliceSeconds, closing)
  const recorder = openRecorder(store, training, {
    onRequestedAction: (requested_action) => requested_action === 'pause' && clock.stop.abort(),
    onWritten: (patch) => patch.state && replaceState(patch.state),
    onSuperseded: (error) => superseded.abort(error),
  })
  const uploader = openStateUploader(
    artifacts,
    { out: join(folder, 'out'), scratch: join(folder, 'states') },
    (step, state) => recorder.record({ state }, [{ key: `saved:${step}`, event: { type: 'saved', step } }]),
    // After the training is superseded, its folder may disappear while a state is read.
    (error) => superseded.signal.aborted || logger.error(error, { training_id: id, task: 'state upload' }),
  )
  let currentState = training.state
  /** Resolves when the states that were replaced have been removed. */
  let removing: Promise<unknown> = Promise.resolve()
  /** Removes the previous state from the artifact storage. Otherwise, an hour of states would fill a disk. */
  const replaceState = (state: string | null) => {
    const previous = currentState
    currentState = state
    if (previous === null || previous === state) return
    const removal = artifacts
      .remove(previous)
      .catch((error) => logger.error(error, { training_id: id, task: 'removal of an old state' }))
    removing = Promise.all([removing, removal])
  }
  const requeue = (pending: PendingWrites) =>
    store.transaction(async (tx) => {
      const row = await transitionTraining(tx, id, 'queued', { fencing_token, ...pending })
      // Slices of limited time take turns, like those of a worker that continues.
      const first = closing.aborted && !isOutOfTime(closing)
      if (row.status === 'queued') await queue.enqueueTraining(tx, id, { first })
      return row
    })
  let names: PathNames = []
  try {
    const log = createTrainingLog(
      recorder,
      await retryOnDisconnect(() => selectLastStep(store.db, id), superseded.signal),
    )
    const count = countSteps((steps) => options.onSteps?.(steps))
    const listen = (event: TrainingEvent) => {
      log(event)
      count(event)
      if (event.type === 'step') clock.onStep()
      if (event.type === 'saved') uploader.add(event.step)
    }
    const { spec, ...inputs } = await fetchTrainingInputs(options, training, folder)
    names = inputs.names
    const kill = AbortSignal.any([superseded.signal, clock.kill.signal])
    const end = await runTrainingProcess(
      { kind: 'train', spec, resume: true, diskReserve: DISK_RESERVE_BYTES },
      listen,
      clock.stop.signal,
      kill,
    )
    superseded.signal.throwIfAborted()
    await uploader.flush()
    if (end?.type === 'done') {
      const adapter = await uploadAdapter(artifacts, training, end.result)
      const row = await recorder.finish(
        (pending) => completeTraining({ store, queue }, training, adapter, end.result, pending),
        clock.kill.signal,
      )
      replaceState(null)
      return row
    }
    if (end?.type !== 'interrupted') {
      if (isOutOfTime(closing)) throw outOfTimeError('training_failed', 'the slice')
      if (!clock.kill.signal.aborted) throw earlyExitError('training_failed', 'training')
    }
    return await recorder.finish(requeue, clock.kill.signal)
  } catch (error) {
    if (isSuperseded(superseded.signal.reason) || isSuperseded(error)) return undefined
    if (isTransient(toPlain(error))) logger.error(error, { training_id: id })
    await uploader.flush().catch((failure) => logger.error(failure, { training_id: id, task: 'state upload' }))
    return await recorder
      .finish(
        (pending) => requeueOrFail({ store, queue }, training, redactPaths(error, names), pending),
        clock.kill.signal,
      )
      .catch((failure) => {
        if (isSuperseded(failure)) return undefined
        throw failure
      })
  } finally {
    clock.clear()
    recorder.stop()
    // The process may exit, or be frozen, once the slice has ended.
    await removing
    rmSync(folder, { recursive: true, force: true })
  }
}

const isSuperseded = (error: unknown): boolean =>
  error instanceof GraftError && (error.code === 'training_superseded' || error.code === 'training_unknown')

/** The signals that end a slice. */
interface SliceClock {
  /** Asks the training process to save its state and exit. */
  readonly stop: AbortController
  /** Kills the training process. Anything that is not written by then is lost. */
  readonly kill: AbortController
  /** Must be called after each step. */
  onStep(): void
  clear(): void
}

function startSliceClock(seconds: number, closing: AbortSignal): SliceClock {
  const stop = new AbortController()
  const kill = new AbortController()
  let sliceTimer: NodeJS.Timeout | undefined
  let graceTimer: NodeJS.Timeout | undefined
  const close = () => {
    stop.abort()
    // Before the first step there is no state to save.
    graceTimer = setTimeout(() => kill.abort(), sliceTimer ? CLOSING_GRACE_MS : 0)
  }
  if (closing.aborted) close()
  else closing.addEventListener('abort', close)
  return {
    stop,
    kill,
    onStep() {
      // The slice is timed from its first step. Otherwise, slices that only read their inputs could follow each other
      // forever.
      sliceTimer ??= setTimeout(() => stop.abort(), seconds * 1000)
    },
    clear() {
      clearTimeout(sliceTimer)
      clearTimeout(graceTimer)
      closing.removeEventListener('abort', close)
    },
  }
}
