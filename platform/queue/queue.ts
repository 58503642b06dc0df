import type { Database } from '../store/database.ts'
import type { ShortWorkKind } from '../store/short-work.ts'
import type { WaitingCounts } from '../store/work-counts.ts'

export type JobKind = 'training' | ShortWorkKind | 'delivery'

/** A job that a worker took. Other workers may take it after 10 seconds without a {@link JobQueue.touch}. */
export interface Job {
  readonly kind: JobKind
  /** The id of the training, the evaluation, the comparison, or the delivery to a webhook. */
  readonly id: string
  /** Identifies this attempt at the job, the only one that may complete it. */
  readonly attempt: { readonly id: string; readonly retryCount: number }
}

export interface EnqueueOptions {
  /** Seconds before the job may be taken. Defaults to 0. */
  readonly afterSeconds?: number
  /** Puts the job before those that wait longer, because its training was interrupted. Defaults to false. */
  readonly first?: boolean
}

/**
 * The jobs that wait for a worker. A job only says which row to look at, so an extra job does no harm. At most one job
 * of a row waits or runs at a time.
 */
export interface JobQueue {
  /**
   * Adds a job in the transaction that writes the row. If the training has a waiting job already, because a late
   * {@link JobQueue.ensure} added one, that job moves to the place in the queue that the options request.
   */
  enqueueTraining(tx: Database, id: string, options?: EnqueueOptions): Promise<void>
  /** Adds a job in the transaction that writes the row. */
  enqueueShortWork(tx: Database, kind: ShortWorkKind, id: string): Promise<void>
  /** Adds a job in the transaction that writes the row of a delivery to a webhook. */
  enqueueDelivery(tx: Database, id: string): Promise<void>
  /** Counts the trainings, evaluations and comparisons that wait for a worker. */
  countWaiting(): Promise<WaitingCounts>
  close(): Promise<void>

  /** Adds a job unless one waits or runs. */
  ensure(kind: JobKind, id: string): Promise<void>
  /**
   * Takes the next job, if there is one.
   * @throws GraftError `body_invalid` for a job with a wrong payload. That job has ended; the next call takes another.
   */
  take(kind: JobKind): Promise<Job | undefined>
  /** Sends a heartbeat for a job that is being worked on. */
  touch(job: Job): Promise<void>
  /** Completes a job in the transaction that writes its outcome. */
  complete(tx: Database, job: Job): Promise<void>
  /** Schedules another attempt at a job. @returns false if it has no attempts left */
  retry(job: Job): Promise<boolean>
  /** Returns whether every attempt at a job has failed. */
  isExhausted(kind: ShortWorkKind, id: string): Promise<boolean>
  /** Makes the jobs of stalled workers available again, and removes jobs that were completed more than an hour ago. */
  maintain(): Promise<void>
}
