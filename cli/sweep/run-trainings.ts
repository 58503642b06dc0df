import { setTimeout as sleep } from 'node:timers/promises'
import { type GraftError, ignoreErrors } from '../../core/errors.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Api } from '../store/api.ts'
import type { Job } from './jobs.ts'

const POLL_INTERVAL_MS = 1000

export interface RunOptions {
  signal: AbortSignal
  /** True to train again what failed for a reason that is likely to recur. */
  retry: boolean
  /** Called with the trainings that run at the moment, and the number that have ended. */
  onProgress(running: readonly { job: Job; training: Training }[], ended: number): void
  /**
   * Called with each training that has ended, in whatever way.
   * @param isNew false if it had ended before
   */
  onEnd(job: Job, training: Training, isNew: boolean): Promise<void>
}

/**
 * Queues the trainings that are not in the store yet, continues those that are, and waits until all have ended. Any
 * workers of the store run them.
 * @throws GraftError the error of a launch; the reason of the signal
 */
export async function runTrainings(api: Api, jobs: readonly Job[], options: RunOptions): Promise<void> {
  const { signal, retry, onProgress, onEnd } = options
  const active = new Map<string, Job>()
  let unlaunched: Job[] = []
  const launch = async (job: Job) => {
    const training = await findOrLaunch(api, job, retry)
    if (!training) unlaunched.push(job)
    else if (isActive(training)) active.set(training.id, job)
    else await onEnd(job, training, false)
  }
  for (const job of jobs) {
    signal.throwIfAborted()
    await launch(job)
  }
  while (active.size + unlaunched.length > 0) {
    signal.throwIfAborted()
    const retried = unlaunched
    unlaunched = []
    for (const job of retried) await launch(job)
    const running = await selectActive(api, 'running')
    // A training that a worker takes between the two requests is in neither list, and is read by itself below.
    const queued = await selectActive(api, 'queued')
    for (const [id, job] of active) {
      if (running.has(id) || queued.has(id)) continue
      const training = await api.trainings.get(id)
      if (isActive(training)) continue
      active.delete(id)
      await onEnd(job, training, true)
    }
    const shown = [...active].flatMap(([id, job]) => {
      const training = running.get(id)
      return training ? [{ job, training }] : []
    })
    onProgress(shown, jobs.length - active.size - unlaunched.length)
    if (active.size + unlaunched.length > 0) await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {})
  }
}

async function selectActive(api: Api, status: 'running' | 'queued'): Promise<Map<string, Training>> {
  const trainings = await Array.fromAsync(api.trainings.list({ status }))
  return new Map(trainings.map((training) => [training.id, training]))
}

/** Returns the newest training with a name, or undefined if there is none. */
export const findTraining = (api: Api, name: string): Promise<Training | undefined> =>
  api.trainings.get(name).catch(ignoreErrors('training_unknown'))

/** Returns undefined if the queue is full. */
async function findOrLaunch(api: Api, job: Job, retry: boolean): Promise<Training | undefined> {
  const known = await findTraining(api, job.name)
  if (known?.status === 'paused') return api.trainings.resume(known.id)
  if (known && !needsTraining(known, retry)) return known
  return api.trainings.launch(job.request).catch(async (error) => {
    ignoreErrors('queue_full', 'name_taken')(error)
    if ((error as GraftError).code === 'queue_full') return undefined
    // Another sweep of the same grid has launched it meanwhile. Without a training, the name belongs to something else.
    const launched = await findTraining(api, job.name)
    if (!launched || !isActive(launched)) throw error
    return launched
  })
}

/**
 * Returns whether a training must be launched, although there is one: it was cancelled, its adapter was removed, or it
 * failed for a reason that may pass. A failure with status 4xx would recur.
 */
export function needsTraining({ status, adapter, error }: Training, retry: boolean): boolean {
  if (status === 'succeeded') return adapter === undefined
  return status === 'cancelled' || (status === 'failed' && (retry || (error?.status ?? 500) >= 500))
}
