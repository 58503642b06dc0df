import type { Waiting } from '../store/count-waiting.ts'
import type { Database } from '../store/database.ts'
import type { ShortWorkKind } from '../store/short-work.ts'

export type JobKind = 'training' | ShortWorkKind

/** A job that a worker took. It is others' again when nothing was told of it for 10 seconds. */
export interface Job {
  readonly kind: JobKind
  /** Of the row that it is about. */
  readonly id: string
  /** Names this attempt at it; only this one may settle it. */
  readonly attempt: { readonly id: string; readonly retryCount: number }
}

export interface QueueOptions {
  /** When it may be taken at the earliest. */
  readonly afterSeconds?: number
  /** Before those that wait longer: it was interrupted. */
  readonly first?: boolean
}

/** What waits for workers. A job says no more than which row to look at: one too many does no harm. */
export interface JobQueue {
  /**
   * Writes the job in the transaction that writes the row. Where the training has one that waits already, as a {@link JobQueue.ensure} that
   * came late leaves it, that takes this one's place in the queue.
   */
  queueTraining(tx: Database, id: string, options?: QueueOptions): Promise<void>
  queueShortWork(tx: Database, kind: ShortWorkKind, id: string): Promise<void>
  /** What waits for a worker. */
  waiting(): Promise<Waiting>
  close(): Promise<void>

  /** Writes a job where there is none that waits or runs. */
  ensure(kind: JobKind, id: string): Promise<void>
  /** Takes the next job, if there is one. */
  take(kind: JobKind): Promise<Job | undefined>
  /** Tells that the job is being worked on. */
  touch(job: Job): Promise<void>
  /** The job is done; in the transaction that says what came of it. */
  done(tx: Database, job: Job): Promise<void>
  /** The job is to be tried again after a while. @returns false where it was tried often enough */
  retry(job: Job): Promise<boolean>
  /** Whether every attempt at it was lost. */
  isExhausted(kind: ShortWorkKind, id: string): Promise<boolean>
  /** Finds jobs whose workers are gone, and removes those that were done an hour ago. */
  tend(): Promise<void>
}
