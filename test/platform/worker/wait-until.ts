import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TrainingStatus } from '../../../platform/schemas/statuses.ts'
import type { Database } from '../../../platform/store/database.ts'
import type { StoredEvent } from '../../../platform/store/schema/training-events.ts'
import { selectEvents } from '../../../platform/store/training-events.ts'
import { selectTrainingById, type TrainingRow } from '../../../platform/store/trainings.ts'
import { runTraining, tinySpec, weightsOf } from '../../training/tiny.ts'

/** Polls until a predicate holds. @throws with the last value if it does not within the timeout */
export async function waitUntil<T>(
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
  timeoutSeconds = 40,
): Promise<T> {
  const end = performance.now() + 1000 * timeoutSeconds
  for (;;) {
    const value = await read()
    if (isDone(value)) return value
    if (performance.now() > end) throw new Error(`not within ${timeoutSeconds} seconds: ${JSON.stringify(value)}`)
    await pause(20)
  }
}

export const waitForStatus = (db: Database, id: string, ...status: TrainingStatus[]): Promise<TrainingRow> =>
  waitUntil(
    () => selectTrainingById(db, id),
    (row) => status.includes(row.status),
  )

/** Waits until the training has reached a step. */
export const waitForStep = (db: Database, id: string, atLeast = 1): Promise<TrainingRow> =>
  waitUntil(
    () => selectTrainingById(db, id),
    ({ progress }) => (progress?.step ?? 0) >= atLeast,
  )

export async function eventsOf(db: Database, id: string): Promise<StoredEvent[]> {
  const rows = await selectEvents(db, id, 0, 10_000)
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, i) => i + 1))
  return rows.map(({ event }) => event)
}

export const statusesIn = (events: readonly StoredEvent[]): TrainingStatus[] =>
  events.flatMap((event) => (event.type === 'status' ? [event.status] : []))

/**
 * Expects that the events are complete and without duplicates, whatever happened on the way: the plan, the selected
 * steps in order, the states in order, and the end.
 */
export function expectCompleteEvents(events: readonly StoredEvent[], count: number): void {
  const stepsOf = (type: 'step' | 'saved') => events.flatMap((event) => (event.type === type ? [event.step] : []))
  const interval = Math.max(1, Math.floor(count / 200))
  const selected = Array.from({ length: Math.floor(count / interval) }, (_, i) => interval * (i + 1))
  expect(stepsOf('step')).toEqual([...new Set([...selected, count])])
  const saved = stepsOf('saved')
  expect(saved).toEqual([...new Set(saved)].sort((a, b) => a - b))
  expect(events.filter(({ type }) => type === 'plan')).toHaveLength(1)
  expect(events.slice(-2)).toMatchObject([{ type: 'done' }, { type: 'status', status: 'succeeded' }])
}

const digests = new Map<string, Promise<string>>()

/** Returns the SHA-256 of the weights of an undisturbed training in this process. */
export function digestOfUndisturbedRun(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const key = JSON.stringify(fields)
  const known = digests.get(key) ?? trainHere(fields)
  digests.set(key, known)
  return known
}

async function trainHere(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const spec = tinySpec({ threads: 1, device: 'cpu', ...fields })
  await runTraining(spec)
  return createHash('sha256').update(weightsOf(spec.out)).digest('hex')
}

/** Returns the child processes of a process that run a program. */
export function childrenOf(program: string, pid = process.pid): number[] {
  return listChildren(pid)
    .split('\n')
    .filter((line) => line.includes(program))
    .map((line) => Number.parseInt(line, 10))
}

/**
 * Looks at the child processes of a process that run a program. An earlier one may still be ending.
 * @returns a function that waits for a child which was not there yet, and returns its id
 */
export function expectChild(program: string, parent = process.pid): () => Promise<number> {
  const earlier = childrenOf(program, parent)
  return async () => {
    const [pid] = await waitUntil(
      async () => childrenOf(program, parent).filter((pid) => !earlier.includes(pid)),
      ({ length }) => length > 0,
      60,
    )
    return pid
  }
}

function listChildren(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
  } catch {
    // ps fails if there is no child.
    return ''
  }
}
