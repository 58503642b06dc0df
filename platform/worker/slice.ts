import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { GraftError, toPlain } from '../../core/errors.ts'
import type { TrainingEvent } from '../../training/events.ts'
import { hidePaths, type PathNames } from '../files/hide-paths.ts'
import { inChild } from '../offline/training-process.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import { lastStepTold } from '../store/training-events.ts'
import { transitionTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import { keepAdapter, succeed } from './finish-training.ts'
import { openRecorder, type PendingWrites } from './recorder.ts'
import { childLost, isTransient, requeueOrFail } from './retries.ts'
import { stateUploads } from './state-uploads.ts'
import { bringInputs } from './training-inputs.ts'
import { trainingLog } from './training-log.ts'
import type { WorkerOptions } from './worker-options.ts'

const SLICE_SECONDS = 600
/** Milliseconds that a training process has to save its state when its worker closes. */
const CLOSING_GRACE = 15_000

/**
 * Trains for a while: from the saved state to a new one, to the end, or to a failure.
 * @param training claimed by this worker
 * @param folder made for it, and removed when done
 * @param closing the worker is to stop: the state is saved and the training given back at once
 * @returns its row as this worker left it; undefined where somebody else has taken it away
 */
export async function runSlice(
  options: WorkerOptions,
  training: TrainingRow,
  folder: string,
  closing: AbortSignal,
): Promise<TrainingRow | undefined> {
  const { store, artifacts, queue, logger, sliceSeconds = SLICE_SECONDS } = options
  const { id, fencing_token } = training
  /** With why nothing of this can be written any more. */
  const gone = new AbortController()
  const clock = sliceClock(sliceSeconds, closing)
  const recorder = openRecorder(store, training, {
    asked: (requested_action) => requested_action === 'pause' && clock.stop.abort(),
    written: (told) => told.state && drop(told.state),
    ended: (error) => gone.abort(error),
  })
  const uploads = stateUploads(
    artifacts,
    { out: join(folder, 'out'), scratch: join(folder, 'states') },
    (step, state) => recorder.record({ state }, [{ key: `saved:${step}`, event: { type: 'saved', step } }]),
    // Of one that was taken away, the folder goes while a state is read.
    (error) => gone.signal.aborted || logger.error(error, { training_id: id, task: 'state upload' }),
  )
  let kept = training.state
  /** Removes the state that another has taken the place of: in an hour they would fill a disk. */
  const drop = (state: string | null) => {
    const old = kept
    kept = state
    if (old !== null && old !== state)
      artifacts.remove(old).catch((error) => logger.error(error, { training_id: id, task: 'removal of an old state' }))
  }
  const giveBack = (rest: PendingWrites) =>
    store.transaction(async (tx) => {
      const row = await transitionTraining(tx, id, 'queued', { fencing_token, ...rest })
      if (row.status === 'queued') await queue.queueTraining(tx, id, { first: closing.aborted })
      return row
    })
  let names: PathNames = []
  try {
    const log = trainingLog(recorder, await retryOnDisconnect(() => lastStepTold(store.db, id), gone.signal))
    const listen = (event: TrainingEvent) => {
      log(event)
      if (event.type === 'step') clock.stepped()
      if (event.type === 'saved') uploads.saved(event.step)
    }
    const { spec, ...inputs } = await bringInputs(options, training, folder)
    names = inputs.names
    const kill = AbortSignal.any([gone.signal, clock.kill.signal])
    const end = await inChild({ kind: 'train', spec, resume: true }, listen, clock.stop.signal, kill)
    gone.signal.throwIfAborted()
    await uploads.settle()
    if (end?.type === 'done') {
      const adapter = await keepAdapter(artifacts, training, end.result)
      const row = await recorder.finish(
        (rest) => succeed(store, training, adapter, end.result, rest),
        clock.kill.signal,
      )
      drop(null)
      return row
    }
    if (end?.type !== 'interrupted' && !clock.kill.signal.aborted) throw childLost()
    return await recorder.finish(giveBack, clock.kill.signal)
  } catch (error) {
    if (isTakenAway(gone.signal.reason) || isTakenAway(error)) return undefined
    if (isTransient(toPlain(error))) logger.error(error, { training_id: id })
    await uploads.settle().catch((failed) => logger.error(failed, { training_id: id, task: 'state upload' }))
    return await recorder
      .finish((rest) => requeueOrFail({ store, queue }, training, hidePaths(error, names), rest), clock.kill.signal)
      .catch((failed) => {
        if (isTakenAway(failed)) return undefined
        throw failed
      })
  } finally {
    clock.clear()
    recorder.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const isTakenAway = (error: unknown): boolean =>
  error instanceof GraftError && (error.code === 'training_superseded' || error.code === 'training_unknown')

/** When a slice stops, and by what means. */
interface SliceClock {
  /** The training is to save its state and end. */
  readonly stop: AbortController
  /** It is to end at once, and what is not written then stays unwritten. */
  readonly kill: AbortController
  /** A step was taken. */
  stepped(): void
  clear(): void
}

function sliceClock(seconds: number, closing: AbortSignal): SliceClock {
  const stop = new AbortController()
  const kill = new AbortController()
  let end: NodeJS.Timeout | undefined
  let grace: NodeJS.Timeout | undefined
  const close = () => {
    stop.abort()
    // What took no step yet has nothing to save.
    grace = setTimeout(() => kill.abort(), end ? CLOSING_GRACE : 0)
  }
  if (closing.aborted) close()
  else closing.addEventListener('abort', close)
  return {
    stop,
    kill,
    stepped() {
      // From the first step on: a slice that only read its inputs would be followed by another such, without end.
      end ??= setTimeout(() => stop.abort(), seconds * 1000)
    },
    clear() {
      clearTimeout(end)
      clearTimeout(grace)
      closing.removeEventListener('abort', close)
    },
  }
}
