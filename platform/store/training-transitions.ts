import { eq, sql } from 'drizzle-orm'
import { fail, type PlainError } from '../../core/errors.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { trainings } from './schema/trainings.ts'
import { insertEvents, type NewEvent } from './training-events.ts'
import { lockTraining, type TrainingRow } from './trainings.ts'

/** The statuses that may follow each status. */
export const transitions: Readonly<Record<TrainingStatus, readonly TrainingStatus[]>> = {
  queued: ['running', 'paused', 'failed', 'cancelled'],
  running: ['queued', 'paused', 'succeeded', 'failed', 'cancelled'],
  paused: ['queued', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
}

/** The columns that a worker writes while it trains and when it stops. */
export type ProgressPatch = Partial<Pick<TrainingRow, 'plan' | 'progress' | 'state' | 'result' | 'adapter_id'>>

/**
 * Claims a queued training for a worker, to run one slice of it.
 * @param worker the name of the worker's process
 * @returns undefined if there is nothing to run: another worker has the training, it is paused, or it has finished
 * @throws GraftError `training_unknown`
 */
export async function claimTraining(db: Database, id: string, worker: string): Promise<TrainingRow | undefined> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (row.status !== 'queued') return undefined
    await tx
      .update(trainings)
      .set({
        status: 'running',
        worker,
        fencing_token: row.fencing_token + 1,
        slices: row.slices + 1,
        heartbeat_at: sql`now()`,
        started_at: row.started_at ?? sql`now()`,
      })
      .where(eq(trainings.id, id))
    await insertEvents(tx, row, [{ event: { type: 'status', status: 'running' } }])
    return lockTraining(tx, id)
  })
}

/**
 * Writes a worker's progress and its heartbeat. A saved state resets the failed attempts, because the training made
 * progress.
 * @returns the action that is requested of the worker
 * @throws GraftError `training_superseded` if the worker no longer has the training: it was cancelled, or another
 *   worker has it
 */
export async function recordProgress(
  db: Database,
  id: string,
  fencing_token: number,
  patch: ProgressPatch = {},
  events: readonly NewEvent[] = [],
): Promise<TrainingRow['requested_action']> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    requireCurrentToken(row, fencing_token)
    await tx
      .update(trainings)
      .set({ ...patch, ...(patch.state && { failed_attempts: 0 }), heartbeat_at: sql`now()` })
      .where(eq(trainings.id, id))
    await insertEvents(tx, row, events)
    return row.requested_action
  })
}

export interface Transition {
  /**
   * The token of the worker that gives the training back. If it is not set, the caller takes the training from its
   * worker.
   */
  fencing_token?: number
  patch?: ProgressPatch
  /** The reason for the failure. Required for the status `failed`, and not allowed for others. */
  error?: PlainError
  /** The error of a failed attempt, if the training is queued to be tried again. It is counted and recorded. */
  attemptError?: PlainError
  /** Events to record before that of the new status. */
  events?: readonly NewEvent[]
}

/**
 * Changes the status and records an event. A running training that has a requested pause becomes paused instead of
 * queued.
 * @throws GraftError `training_status_conflict` if its status does not allow the change, `training_superseded`,
 *   `training_unknown`
 */
export async function transitionTraining(
  db: Database,
  id: string,
  to: Exclude<TrainingStatus, 'running'>,
  { fencing_token, patch = {}, error, attemptError, events = [] }: Transition = {},
): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (fencing_token !== undefined) requireCurrentToken(row, fencing_token)
    if (!transitions[row.status].includes(to)) throwStatusConflict(row, to)
    const status = to === 'queued' && row.requested_action === 'pause' ? 'paused' : to
    await tx
      .update(trainings)
      .set({
        ...patch,
        status,
        worker: null,
        requested_action: null,
        error: error ?? null,
        fencing_token: fencing_token === undefined ? row.fencing_token + 1 : row.fencing_token,
        failed_attempts: attemptError ? (patch.state ? 1 : row.failed_attempts + 1) : 0,
        finished_at: transitions[status].length === 0 ? sql`now()` : null,
      })
      .where(eq(trainings.id, id))
    const cause = error ?? attemptError
    await insertEvents(tx, row, [...events, { event: { type: 'status', status, ...(cause && { error: cause }) } }])
    return lockTraining(tx, id)
  })
}

/**
 * Pauses a queued training at once, or requests the pause of a running one, whose worker then saves the state and
 * stops.
 * @throws GraftError `training_status_conflict`, `training_unknown`
 */
export async function requestPause(db: Database, id: string): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (row.status === 'paused') return row
    if (row.status !== 'running') return transitionTraining(tx, id, 'paused')
    const [updated] = await tx
      .update(trainings)
      .set({ requested_action: 'pause' })
      .where(eq(trainings.id, id))
      .returning()
    return updated
  })
}

/**
 * Queues a paused training, or withdraws the requested pause of a running one.
 * @returns the row, and whether the training was queued and needs a job
 * @throws GraftError `training_status_conflict`, `training_unknown`
 */
export async function endPause(db: Database, id: string): Promise<{ training: TrainingRow; queued: boolean }> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (row.status === 'paused') return { training: await transitionTraining(tx, id, 'queued'), queued: true }
    if (row.status === 'queued') return { training: row, queued: false }
    if (row.status !== 'running') throwStatusConflict(row, 'queued')
    const [training] = await tx
      .update(trainings)
      .set({ requested_action: null })
      .where(eq(trainings.id, id))
      .returning()
    return { training, queued: false }
  })
}

function requireCurrentToken({ id, status, fencing_token: current }: TrainingRow, fencing_token: number): void {
  if (status === 'running' && current === fencing_token) return
  fail('training_superseded', {
    subject: `training ${id}`,
    problem:
      status === 'running'
        ? `now belongs to another worker: its fencing token is ${current}, but this worker has ${fencing_token}`
        : `is now ${status}, so the worker with the fencing token ${fencing_token} cannot write to it`,
    fix: 'The worker discards this attempt. You do not need to do anything.',
  })
}

function throwStatusConflict({ id, status }: TrainingRow, to: TrainingStatus): never {
  const allowedFrom = Object.entries(transitions).flatMap(([from, targets]) => (targets.includes(to) ? [from] : []))
  const anyOf = new Intl.ListFormat('en', { type: 'disjunction' })
  return fail('training_status_conflict', {
    subject: `training ${id}`,
    problem: `is ${status}; only a training that is ${anyOf.format(allowedFrom)} can become ${to}`,
    fix:
      transitions[status].length === 0
        ? 'Launch a new training. This one has finished.'
        : 'Check its status and try again.',
  })
}
