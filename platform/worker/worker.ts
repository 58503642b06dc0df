import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Job, JobKind } from '../queue/queue.ts'
import { isLostConnection } from '../store/lost-connection.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import { type ShortWorkKind, shortWorkKinds } from '../store/short-work.ts'
import { claimTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import { collectGarbage } from './maintenance.ts'
import { enqueueMissing, requeueStalled } from './reconcile.ts'
import { runShortWork } from './short-work.ts'
import { runSlice } from './slice.ts'
import type { WorkerOptions } from './worker-options.ts'
import { openWorkspaces, type Workspaces } from './workspaces.ts'

/** Milliseconds between looks for a job. */
const LOOK_EVERY = 500

export interface Worker {
  /** The ids of what it runs now. */
  readonly running: readonly string[]
  /** Takes nothing more, saves the states of what runs and gives it back to the queue. */
  close(): Promise<void>
}

/** Works on trainings, one at a time, and on short work, one at a time beside them, until it is closed. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { logger } = options
  const workspaces = openWorkspaces(options.home)
  const closing = new AbortController()
  const running = new Set<string>()
  const name = workerName(options.name)

  /** One of each kind in turn, so that none waits for all of another. */
  const work = async (kinds: readonly JobKind[]) => {
    while (!closing.signal.aborted) {
      let worked = false
      for (const kind of kinds) {
        if (closing.signal.aborted) break
        const did = await workOn(kind, options, { name, workspaces, running }, closing.signal).catch((error) =>
          logger.error(error, { task: `${kind} queue` }),
        )
        worked ||= did === true
      }
      if (!worked) await rest(LOOK_EVERY, closing.signal)
    }
  }
  const loops = [work(['training']), work(shortWorkKinds), ...chores(options, closing.signal)]
  const close = async () => {
    closing.abort()
    await Promise.all(loops)
    workspaces.close()
  }
  let closed: Promise<void> | undefined
  return {
    get running() {
      return [...running]
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

/**
 * Does one slice of a training, or one piece of short work.
 * @param signal saves the state and gives back what runs
 * @returns false where there is nothing to do
 */
export async function workOnce(options: WorkerOptions, signal = new AbortController().signal): Promise<boolean> {
  const workspaces = openWorkspaces(options.home)
  const desk = { name: workerName(options.name), workspaces, running: new Set<string>() }
  try {
    await requeueStalled(options)
    await enqueueMissing(options)
    await options.queue.tend()
    for (const kind of ['training', ...shortWorkKinds] as const)
      if (await workOn(kind, options, desk, signal)) return true
    return false
  } finally {
    workspaces.close()
  }
}

interface Desk {
  name: string
  workspaces: Workspaces
  running: Set<string>
}

/** Takes one job. @returns whether there was something to do */
async function workOn(
  kind: JobKind,
  options: WorkerOptions,
  { name, workspaces, running }: Desk,
  closing: AbortSignal,
): Promise<boolean> {
  // A job may be about a training that was cancelled meanwhile: then the next is as good.
  for (let job = await options.queue.take(kind); job; job = await options.queue.take(kind)) {
    running.add(job.id)
    try {
      if (isShortWork(job)) {
        await runShortWork(options, job, closing)
        return true
      }
      const training = await claim(options, job, name)
      if (!training) continue
      const { id, slices: slice } = training
      options.tell?.({ training: id, slice, status: 'running' })
      const left = await runSlice(options, training, workspaces.pathOf(`${id}-${training.fencing_token}`), closing)
      if (left)
        options.tell?.({
          training: id,
          slice,
          status: left.status,
          ...(left.progress && { step: left.progress.step, total_steps: left.progress.total_steps }),
        })
      return true
    } finally {
      running.delete(job.id)
    }
  }
  return false
}

const isShortWork = (job: Job): job is Job & { kind: ShortWorkKind } => job.kind !== 'training'

/** The row takes over from the job, in one: from here on, its signs of life tell whether a worker has it. */
function claim({ store, queue }: WorkerOptions, job: Job, name: string): Promise<TrainingRow | undefined> {
  return retryOnDisconnect(() =>
    store.transaction(async (tx) => {
      const training = await claimTraining(tx, job.id, name)
      await queue.done(tx, job)
      return training
    }),
  )
}

/** What is done again and again, each after so many milliseconds. */
function chores(options: WorkerOptions, closing: AbortSignal): Promise<void>[] {
  const again = async (every: number, work: () => Promise<void>, task: string) => {
    for (; !closing.aborted; await rest(every, closing))
      await work().catch((error) => {
        options.logger.error(error, { task })
        // After an outage all workers are silent, and the living need a moment to say so.
        if (isLostConnection(error)) return rest(3 * every, closing)
        return undefined
      })
  }
  return [
    again(2_000, () => requeueStalled(options), 'requeue stalled trainings'),
    again(60_000, () => enqueueMissing(options), 'enqueue missing jobs'),
    // In the embedded database no other worker's job can be lost, and each look is written to the disk.
    again(options.store.client.kind === 'embedded' ? 60_000 : 10_000, () => options.queue.tend(), 'queue maintenance'),
    again(1_800_000, () => collectGarbage(options), 'garbage collection'),
  ]
}

const rest = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  pause(milliseconds, undefined, { signal }).catch(() => {})

/** Two processes of one machine, or two machines in containers, may have the same number. */
const workerName = (name = hostname()): string => `${name}/${process.pid}/${randomBytes(3).toString('hex')}`
