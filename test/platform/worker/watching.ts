import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TrainingStatus } from '../../../platform/schemas/statuses.ts'
import type { Database } from '../../../platform/store/database.ts'
import type { StoredEvent } from '../../../platform/store/schema/training-events.ts'
import { listEvents } from '../../../platform/store/training-events.ts'
import { getTraining, type TrainingRow } from '../../../platform/store/trainings.ts'
import { run, tinySpec, weightsOf } from '../../training/tiny.ts'

/** Waits until something holds; fails with what it last saw. */
export async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean, seconds = 40): Promise<T> {
  const end = performance.now() + 1000 * seconds
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > end) throw new Error(`not within ${seconds} seconds: ${JSON.stringify(seen)}`)
    await pause(20)
  }
}

export const reaches = (db: Database, id: string, ...status: TrainingStatus[]): Promise<TrainingRow> =>
  until(
    () => getTraining(db, id),
    (row) => status.includes(row.status),
  )

/** Waits until it has taken a step in the slice that it is in. */
export const steps = (db: Database, id: string, least = 1): Promise<TrainingRow> =>
  until(
    () => getTraining(db, id),
    ({ progress }) => (progress?.step ?? 0) >= least,
  )

export async function eventsOf(db: Database, id: string): Promise<StoredEvent[]> {
  const rows = await listEvents(db, id, 0, 10_000)
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, i) => i + 1))
  return rows.map(({ event }) => event)
}

export const statusesIn = (events: readonly StoredEvent[]): TrainingStatus[] =>
  events.flatMap((event) => (event.type === 'status' ? [event.status] : []))

/** What must be told once, whatever happened on the way: the plan, every kept step in order, states in order, the end. */
export function expectWhole(events: readonly StoredEvent[], count: number): void {
  const stepsOf = (type: 'step' | 'saved') => events.flatMap((event) => (event.type === type ? [event.step] : []))
  const every = Math.max(1, Math.floor(count / 200))
  const kept = Array.from({ length: Math.floor(count / every) }, (_, i) => every * (i + 1))
  expect(stepsOf('step')).toEqual([...new Set([...kept, count])])
  const saved = stepsOf('saved')
  expect(saved).toEqual([...new Set(saved)].sort((a, b) => a - b))
  expect(events.filter(({ type }) => type === 'plan')).toHaveLength(1)
  expect(events.slice(-2)).toMatchObject([{ type: 'done' }, { type: 'status', status: 'succeeded' }])
}

const digests = new Map<string, Promise<string>>()

/** SHA-256 of the weights that an undisturbed run makes, in this process. */
export function undisturbed(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const key = JSON.stringify(fields)
  const known = digests.get(key) ?? trainHere(fields)
  digests.set(key, known)
  return known
}

async function trainHere(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const spec = tinySpec({ threads: 1, device: 'cpu', ...fields })
  await run(spec)
  return createHash('sha256').update(weightsOf(spec.out)).digest('hex')
}

/** The processes that another started from a program of that name. */
export function childrenOf(program: string, pid = process.pid): number[] {
  return processesBelow(pid)
    .split('\n')
    .filter((line) => line.includes(program))
    .map((line) => Number.parseInt(line, 10))
}

function processesBelow(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
  } catch {
    // ps fails where there is none.
    return ''
  }
}
