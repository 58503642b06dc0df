import { eq, sql } from 'drizzle-orm'
import { fail, type PlainError } from '../../core/errors.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { trainings } from './schema/trainings.ts'
import { type NewEvent, recordEvents } from './training-events.ts'
import { lockTraining, type TrainingRow } from './trainings.ts'

/** Where a training may go from each status. */
const moves: Readonly<Record<TrainingStatus, readonly TrainingStatus[]>> = {
  queued: ['running', 'paused', 'failed', 'cancelled'],
  running: ['queued', 'paused', 'succeeded', 'failed', 'cancelled'],
  paused: ['queued', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
}

/** What a worker writes while it trains and when it stops. */
export type ProgressPatch = Partial<Pick<TrainingRow, 'plan' | 'progress' | 'state' | 'result' | 'adapter_id'>>

/**
 * Takes a training that waits, to run a slice of it.
 * @param worker names the process
 * @returns undefined where there is nothing to run: another worker has it, it is paused, or it has ended
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
    await recordEvents(tx, row, [{ event: { type: 'status', status: 'running' } }])
    return lockTraining(tx, id)
  })
}

/**
 * Writes what a worker tells, and that it lives. With a state that it saved, the failed_attempts before are forgotten: it gets on.
 * @returns what is asked of it
 * @throws GraftError `training_superseded` where the training is no longer this worker's: it was cancelled, or another has it
 */
export async function recordProgress(
  db: Database,
  id: string,
  fencing_token: number,
  report: ProgressPatch = {},
  events: readonly NewEvent[] = [],
): Promise<TrainingRow['requested_action']> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    requireFence(row, fencing_token)
    await tx
      .update(trainings)
      .set({ ...report, ...(report.state && { failed_attempts: 0 }), heartbeat_at: sql`now()` })
      .where(eq(trainings.id, id))
    await recordEvents(tx, row, events)
    return row.requested_action
  })
}

export interface Move {
  /** Of the worker that gives the training back; absent where somebody else decides, which takes it from its worker. */
  fencing_token?: number
  report?: ProgressPatch
  /** Why it failed; needed for that and for nothing else. */
  error?: PlainError
  /** Why its worker could not go on, where it is queued for that: it counts as a loss, and the event tells it. */
  lost?: PlainError
  /** Told before the event of the new status. */
  events?: readonly NewEvent[]
}

/**
 * Changes the status and records the event of it. A running training that was asked to pause is paused where it would be queued.
 * @throws GraftError `training_status_conflict` where its status does not lead there, `training_superseded`, `training_unknown`
 */
export async function transitionTraining(
  db: Database,
  id: string,
  to: Exclude<TrainingStatus, 'running'>,
  { fencing_token, report = {}, error, lost, events = [] }: Move = {},
): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (fencing_token !== undefined) requireFence(row, fencing_token)
    if (!moves[row.status].includes(to)) refuse(row, to)
    const status = to === 'queued' && row.requested_action === 'pause' ? 'paused' : to
    await tx
      .update(trainings)
      .set({
        ...report,
        status,
        worker: null,
        requested_action: null,
        error: error ?? null,
        fencing_token: fencing_token === undefined ? row.fencing_token + 1 : row.fencing_token,
        failed_attempts: lost ? (report.state ? 1 : row.failed_attempts + 1) : 0,
        finished_at: moves[status].length === 0 ? sql`now()` : null,
      })
      .where(eq(trainings.id, id))
    const cause = error ?? lost
    await recordEvents(tx, row, [...events, { event: { type: 'status', status, ...(cause && { error: cause }) } }])
    return lockTraining(tx, id)
  })
}

/**
 * Pauses a queued training at once; asks the worker of a running one to, which it does when its state is saved.
 * @throws GraftError `training_status_conflict`, `training_unknown`
 */
export async function pauseTraining(db: Database, id: string): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (row.status === 'paused') return row
    if (row.status !== 'running') return transitionTraining(tx, id, 'paused')
    const [asked] = await tx
      .update(trainings)
      .set({ requested_action: 'pause' })
      .where(eq(trainings.id, id))
      .returning()
    return asked
  })
}

/**
 * Queues a paused training; one that was only asked to pause goes on.
 * @returns its row, and whether it was queued, so that it needs a job
 * @throws GraftError `training_status_conflict`, `training_unknown`
 */
export async function resumeTraining(db: Database, id: string): Promise<{ training: TrainingRow; queued: boolean }> {
  return db.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    if (row.status === 'paused') return { training: await transitionTraining(tx, id, 'queued'), queued: true }
    if (row.status === 'queued') return { training: row, queued: false }
    if (row.status !== 'running') refuse(row, 'queued')
    const [training] = await tx
      .update(trainings)
      .set({ requested_action: null })
      .where(eq(trainings.id, id))
      .returning()
    return { training, queued: false }
  })
}

function requireFence({ id, status, fencing_token: current }: TrainingRow, fencing_token: number): void {
  if (status === 'running' && current === fencing_token) return
  fail('training_superseded', {
    subject: `training ${id}`,
    expected: `fencing number ${current}, ${status}`,
    found: String(fencing_token),
    fix: status === 'running' ? 'Another worker has the training; this one stops.' : 'The training has stopped.',
  })
}

function refuse({ id, status }: TrainingRow, to: TrainingStatus): never {
  const from = Object.entries(moves).flatMap(([name, targets]) => (targets.includes(to) ? [name] : []))
  return fail('training_status_conflict', {
    subject: `training ${id}`,
    expected: `one that is ${from.join(' or ')}`,
    found: status,
    fix: moves[status].length === 0 ? 'It has ended; launch a new one.' : 'Look at its status.',
  })
}
