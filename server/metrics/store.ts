import { Gauge, Registry } from 'prom-client'
import { unlessAborted } from '../../core/unless-aborted.ts'
import type { Store } from '../../platform/store/store.ts'
import { countTrainings, countWaiting, selectOldestWaitingSeconds } from '../../platform/store/work-counts.ts'

/** A scraper waits 10 seconds by default, and should get the other metrics when the database does not answer. */
const DEADLINE_MS = 3_000

/**
 * Returns the metrics of what is in the database, which are the same in every process. While the database does not
 * answer, they are left out and `graft_store_up` is 0.
 */
export function storeMetrics({ db }: Pick<Store, 'db'>): Registry {
  const registry = new Registry()
  const registers = [registry]
  const up = new Gauge({ name: 'graft_store_up', help: '1 if the database answers, otherwise 0.', registers })
  const trainings = new Gauge({
    name: 'graft_trainings',
    help: 'Trainings by status.',
    labelNames: ['status'],
    registers,
  })
  const waiting = new Gauge({
    name: 'graft_jobs_waiting',
    help: 'Trainings, evaluations and comparisons that wait for a worker.',
    labelNames: ['kind'],
    registers,
  })
  const age = new Gauge({
    name: 'graft_jobs_oldest_age_seconds',
    help: 'Time for which the oldest of them has waited. 0 if none waits.',
    labelNames: ['kind'],
    registers,
  })

  const query = async () => ({
    trainings: await countTrainings(db),
    waiting: await countWaiting(db),
    ages: await selectOldestWaitingSeconds(db),
  })
  const update = async () => {
    const counts = await unlessAborted(query(), AbortSignal.timeout(DEADLINE_MS)).catch(() => undefined)
    up.set(Number(counts !== undefined))
    for (const gauge of [trainings, waiting, age]) gauge.reset()
    if (!counts) return
    for (const [status, count] of Object.entries(counts.trainings)) trainings.set({ status }, count)
    for (const table of ['trainings', 'evaluations', 'comparisons'] as const) {
      const kind = table.slice(0, -1)
      waiting.set({ kind }, counts.waiting[table])
      age.set({ kind }, counts.ages[table])
    }
  }
  // The gauges are collected at the same time, and all of them wait for one update.
  let updating: Promise<void> | undefined
  const collect = () => {
    updating ??= update().finally(() => {
      updating = undefined
    })
    return updating
  }
  for (const gauge of [up, trainings, waiting, age]) Object.assign(gauge, { collect })
  return registry
}
