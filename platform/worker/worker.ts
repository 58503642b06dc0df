import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Span } from '@opentelemetry/api'
import { fromPlain } from '../../core/errors.ts'
import { isLostConnection } from '../../core/lost-connection.ts'
import { recordError, withSpan } from '../../core/tracing.ts'
import { openWorkspaces, type Workspaces } from '../files/workspaces.ts'
import type { Job } from '../queue/queue.ts'
import type { WorkResult } from '../schemas/work.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import { type ShortWorkKind, shortWorkKinds } from '../store/short-work.ts'
import { claimTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import { deliver } from './deliver.ts'
import { collectGarbage, collectGarbageIfDue, GARBAGE_INTERVAL_MS } from './maintenance.ts'
import { enqueueMissing, requeueStalled } from './reconcile.ts'
import { runShortWork } from './short-work.ts'
import { runSlice } from './slice.ts'
import type { WorkerEvent, WorkerOptions } from './worker-options.ts'

const POLL_INTERVAL_MS = 500
const DELIVERY_POLL_INTERVAL_MS = 1_000
/** Messages that a worker sends at the same time. */
const MAX_DELIVERIES = 8
/** The time between two looks at a disk that is too full to start work. */
const FULL_DISK_INTERVAL_MS = 5_000

const REQUEUE_INTERVAL_MS = 2_000
const ENQUEUE_INTERVAL_MS = 60_000
const QUEUE_MAINTENANCE_INTERVAL_MS = 10_000
/** The interval with PGlite. It is longer, because no other worker can lose a job, and each run writes to the disk. */
const PGLITE_QUEUE_MAINTENANCE_INTERVAL_MS = 60_000

export interface Worker {
  /** The ids of the trainings, evaluations and comparisons that run now. */
  readonly running: readonly string[]
  /** Takes no more work, saves the state of the running training and requeues the running work. */
  close(): Promise<void>
}

/**
 * Starts a worker. Until it is closed, it runs one training at a time, and beside it one evaluation or comparison at a
 * time.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { logger } = options
  const workspaces = openWorkspaces(options.home)
  const closing = new AbortController()
  const running = new Set<string>()
  const name = workerName(options.name)
  const mayStart = makeDiskCheck(options)

  /** Takes one job of each kind in turn, so that no kind waits for all jobs of another. */
  const pollQueues = async (kinds: readonly WorkKind[]) => {
    while (!closing.signal.aborted) {
      if (!(await mayStart())) {
        await sleep(FULL_DISK_INTERVAL_MS, closing.signal)
        continue
      }
      let anyWork = false
      for (const kind of kinds) {
        if (closing.signal.aborted) break
        const worked = await runNextJob(kind, options, { name, workspaces, running }, closing.signal).catch((error) =>
          logger.error(error, { task: `${kind} queue` }),
        )
        anyWork ||= worked === true
      }
      if (!anyWork) await sleep(POLL_INTERVAL_MS, closing.signal)
    }
  }
  const loops = [
    pollQueues(['training']),
    pollQueues(shortWorkKinds),
    pollDeliveries(options, closing.signal),
    ...startMaintenance(options, closing.signal),
  ]
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
 * Runs one slice of a training, one evaluation or one comparison. Then sends the messages to webhooks that are due. If
 * there is nothing to run, collects garbage if that is due.
 * @param signal aborts to save the state and requeue the running work
 * @throws GraftError `disk_full` if there is too little free space to start work
 */
export async function workOnce(options: WorkerOptions, signal = new AbortController().signal): Promise<WorkResult> {
  const { queue, logger, onEvent } = options
  const workspaces = openWorkspaces(options.home)
  const state = { name: workerName(options.name), workspaces, running: new Set<string>() }
  let last: WorkerEvent | undefined
  const observed: WorkerOptions = {
    ...options,
    onEvent(event) {
      last = event
      onEvent?.(event)
    },
  }
  try {
    await requeueStalled(options)
    await enqueueMissing(options)
    await queue.maintain()
    await options.requireDiskReserve()
    let worked = false
    for (const kind of ['training', ...shortWorkKinds] as const) {
      worked = await runNextJob(kind, observed, state, signal)
      if (worked) break
    }
    // Maybe no other worker runs. What fails now is tried again by the next one.
    for (let job = await takeDelivery(options, signal); job; job = await takeDelivery(options, signal))
      await deliver(options, job)
    if (!worked)
      await collectGarbageIfDue(options).catch((error) => logger.error(error, { task: 'garbage collection' }))
    const { trainings, evaluations, comparisons } = await queue.countWaiting()
    return { worked, ...last, waiting: trainings + evaluations + comparisons }
  } finally {
    workspaces.close()
  }
}

const takeDelivery = async ({ queue }: WorkerOptions, closing: AbortSignal): Promise<Job | undefined> =>
  closing.aborted ? undefined : queue.take('delivery')

/**
 * Returns a function that says whether the disk has room to start work. Work that cannot save its state would only use
 * up its attempts. The error is logged when the disk becomes too full, and not again until it has had room.
 */
function makeDiskCheck({ requireDiskReserve, logger }: WorkerOptions): () => Promise<boolean> {
  let hadRoom = true
  return async () => {
    const error = await requireDiskReserve().catch((error: unknown) => error)
    if (error !== undefined && hadRoom) logger.error(error, { task: 'taking work' })
    hadRoom = error === undefined
    return hadRoom
  }
}

type WorkKind = 'training' | ShortWorkKind

/** State of a worker. */
interface WorkerState {
  name: string
  workspaces: Workspaces
  running: Set<string>
}

/** Takes one job of a kind and runs it. @returns false if there is none */
async function runNextJob(
  kind: WorkKind,
  options: WorkerOptions,
  { name, workspaces, running }: WorkerState,
  closing: AbortSignal,
): Promise<boolean> {
  // The training of a job may have been cancelled meanwhile. Such a job is dropped, and the next one is taken.
  for (let job = await options.queue.take(kind); job; job = await options.queue.take(kind)) {
    running.add(job.id)
    try {
      if (isShortWork(job)) {
        const { kind, id } = job
        await withSpan(kind, { [`graft.${kind}.id`]: id }, () => runShortWork(options, job, closing))
        return true
      }
      const training = await claim(options, job, name)
      if (!training) continue
      const { id, slices: slice } = training
      options.onEvent?.({ training_id: id, slice, status: 'running' })
      const folder = workspaces.pathOf(`${id}-${training.fencing_token}`)
      const row = await withSpan('training', { 'graft.training.id': id, 'graft.training.slice': slice }, (span) =>
        runSlice(options, training, folder, closing).then((row) => recordTraining(span, row)),
      )
      if (row)
        options.onEvent?.({
          training_id: id,
          slice,
          status: row.status,
          ...(row.progress && { step: row.progress.step, total_steps: row.progress.total_steps }),
        })
      return true
    } finally {
      running.delete(job.id)
    }
  }
  return false
}

/** Delivers messages to webhooks until the worker closes. A slow receiver does not delay the messages to others. */
async function pollDeliveries(options: WorkerOptions, closing: AbortSignal): Promise<void> {
  const { queue, logger } = options
  const running = new Set<Promise<unknown>>()
  const onError = (error: unknown) => logger.error(error, { task: 'webhooks' })
  while (!closing.aborted) {
    const job = running.size < MAX_DELIVERIES ? await queue.take('delivery').catch(onError) : undefined
    if (job) {
      const delivery = deliver(options, job)
        .catch(onError)
        .finally(() => running.delete(delivery))
      running.add(delivery)
    } else await sleep(DELIVERY_POLL_INTERVAL_MS, closing)
  }
  await Promise.all(running)
}

/** Adds the end of a slice to its span. */
function recordTraining(span: Span, row: TrainingRow | undefined): TrainingRow | undefined {
  span.setAttribute('graft.training.status', row?.status ?? 'superseded')
  if (row?.progress) span.setAttribute('graft.training.step', row.progress.step)
  if (row?.error) recordError(fromPlain(row.error), span)
  return row
}

const isShortWork = (job: Job): job is Job & { kind: ShortWorkKind } => job.kind !== 'training'

/**
 * Claims the training and completes the job in one transaction. From then on, the heartbeats in the row show whether a
 * worker has it.
 */
function claim({ store, queue }: WorkerOptions, job: Job, name: string): Promise<TrainingRow | undefined> {
  return retryOnDisconnect(() =>
    store.transaction(async (tx) => {
      const training = await claimTraining(tx, job.id, name)
      await queue.complete(tx, job)
      return training
    }),
  )
}

/** Starts the loops that keep the queue and the storage in order. */
function startMaintenance(options: WorkerOptions, closing: AbortSignal): Promise<void>[] {
  const repeat = async (interval: number, work: () => Promise<void>, task: string) => {
    for (; !closing.aborted; await sleep(interval, closing))
      await work().catch((error) => {
        options.logger.error(error, { task })
        // After an outage no worker has a recent heartbeat, and workers that are still running need a moment to write
        // one.
        if (isLostConnection(error)) return sleep(3 * interval, closing)
        return undefined
      })
  }
  const queueInterval =
    options.store.client.kind === 'pglite' ? PGLITE_QUEUE_MAINTENANCE_INTERVAL_MS : QUEUE_MAINTENANCE_INTERVAL_MS
  return [
    repeat(REQUEUE_INTERVAL_MS, () => requeueStalled(options), 'requeue stalled trainings'),
    repeat(ENQUEUE_INTERVAL_MS, () => enqueueMissing(options), 'enqueue missing jobs'),
    repeat(queueInterval, () => options.queue.maintain(), 'queue maintenance'),
    repeat(GARBAGE_INTERVAL_MS, () => collectGarbage(options), 'garbage collection'),
  ]
}

const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, { signal }).catch(() => {})

/**
 * Returns a name with a random suffix, because containers on different machines can have the same host name and process
 * id.
 */
const workerName = (name = hostname()): string => `${name}/${process.pid}/${randomBytes(3).toString('hex')}`
