import type { Database } from '../store/database.ts'

export type JobKind = 'training' | 'evaluation'

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
export interface Jobs {
  /**
   * Writes the job in the transaction that writes the row. Where the training has one that waits already, that stays the only one.
   */
  queueTraining(tx: Database, id: string, options?: QueueOptions): Promise<void>
  /** As {@link queueTraining}. */
  queueEvaluation(tx: Database, id: string): Promise<void>
  /** Trainings and evaluations that wait for a worker. */
  waiting(): Promise<{ trainings: number; evaluations: number }>
  close(): Promise<void>

  /** Takes the next job, if there is one. */
  take(kind: JobKind): Promise<Job | undefined>
  /** Tells that the job is being worked on. */
  touch(job: Job): Promise<void>
  /** The job is done; in the transaction that says what came of it. */
  done(tx: Database, job: Job): Promise<void>
  /** The job is to be tried again after a while. @returns false where it was tried often enough */
  retry(job: Job): Promise<boolean>
  /** Whether every attempt at an evaluation was lost. */
  isExhausted(id: string): Promise<boolean>
  /** Finds jobs whose workers are gone, and removes those that were done an hour ago. */
  tend(): Promise<void>
}
