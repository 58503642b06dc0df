import {
  type QueueOptions as BossOptions,
  type ConstructorOptions,
  type DrizzleTransactionLike,
  fromDrizzle,
  fromPglite,
  PgBoss,
} from 'pg-boss'
import { z } from 'zod'
import { describeJson } from '../../core/describe.ts'
import { HOUR_SECONDS } from '../../core/durations.ts'
import { GraftError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { uuid } from '../schemas/common.ts'
import type { Database } from '../store/database.ts'
import { sqlTemplate } from '../store/sql-template.ts'
import { withStartupLock } from '../store/startup-lock.ts'
import type { Store, StoreClient } from '../store/store.ts'
import { countWaiting } from '../store/work-counts.ts'
import type { Job, JobKind, JobQueue } from './queue.ts'

/** The payload of every job: the id of its row. */
const jobPayload = z.object({ id: uuid })

/** Options of evaluations and comparisons: up to four attempts. */
const SHORT_WORK_OPTIONS: BossOptions = {
  expireInSeconds: 24 * HOUR_SECONDS,
  retryLimit: 3,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
}

/**
 * Options of deliveries to webhooks: 19 attempts in about a day, a few seconds apart at first and four hours at last.
 * An attempt lasts as long as its worker sends heartbeats.
 */
const DELIVERY_OPTIONS: BossOptions = {
  expireInSeconds: HOUR_SECONDS,
  retryLimit: 18,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 4 * HOUR_SECONDS,
}

/** The queue of each kind of job. The key of a job is the id of its row, and at most one job of a key waits or runs. */
const queues: Readonly<Record<JobKind, { name: string } & BossOptions>> = {
  // A job of a training ends once the training's row names its worker, after milliseconds. From then on, the row holds
  // the heartbeat.
  training: { name: 'trainings', expireInSeconds: HOUR_SECONDS, retryLimit: 1000 },
  evaluation: { name: 'evaluations', ...SHORT_WORK_OPTIONS },
  comparison: { name: 'comparisons', ...SHORT_WORK_OPTIONS },
  delivery: { name: 'deliveries', ...DELIVERY_OPTIONS },
}

/** Seconds without a heartbeat after which a job is attempted again. It is the shortest time that pg-boss allows. */
const HEARTBEAT_TIMEOUT_SECONDS = 10

/**
 * Opens the queue in the database of the store. Its tables are in their own schema, which is created and migrated here.
 */
export async function openJobQueue(store: Store): Promise<JobQueue> {
  const boss = new PgBoss({
    schema: 'graft_jobs',
    ...connectionOptions(store.client),
    supervise: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
    monitorIntervalSeconds: 5,
    maintenanceIntervalSeconds: HOUR_SECONDS / 12,
  })
  // pg-boss retries its background work, and every call here reports its own errors.
  boss.on('error', () => {})
  await withStartupLock(store.client, async () => {
    await boss.start()
    for (const { name, ...options } of Object.values(queues)) {
      const settings = { ...options, heartbeatSeconds: HEARTBEAT_TIMEOUT_SECONDS, deleteAfterSeconds: HOUR_SECONDS }
      await boss.createQueue(name, { policy: 'exclusive', ...settings })
      // Updates a queue that an earlier version created.
      await boss.updateQueue(name, settings)
    }
  })

  // Both drivers return rows, although their common type does not say so.
  const inTransaction = (tx: Database) => ({ db: fromDrizzle(tx as unknown as DrizzleTransactionLike, sqlTemplate) })
  /** @returns false if a job of this key already waits or runs */
  const add = async (kind: JobKind, tx: Database, id: string, options: object = {}): Promise<boolean> =>
    (await boss.send(queues[kind].name, { id }, { singletonKey: id, ...options, ...inTransaction(tx) })) !== null

  return {
    async enqueueTraining(tx, id, { afterSeconds = 0, first = false } = {}) {
      const order = { startAfter: afterSeconds, priority: Number(first) }
      if (await add('training', tx, id, order)) return
      await boss.update(queues.training.name, { id }, { singletonKey: id, ...order, ...inTransaction(tx) })
    },
    async enqueueShortWork(tx, kind, id) {
      await add(kind, tx, id)
    },
    async enqueueDelivery(tx, id) {
      await add('delivery', tx, id)
    },
    async ensure(kind, id) {
      await add(kind, store.db, id)
    },
    countWaiting: () => countWaiting(store.db),
    close: () => boss.stop({ graceful: false, close: false }),
    async take(kind): Promise<Job | undefined> {
      const { name } = queues[kind]
      const [job] = await boss.fetch(name)
      if (!job) return undefined
      const attempt = { id: job.id, retryCount: job.retryCount }
      const payload = jobPayload.safeParse(job.data)
      if (payload.success) return { kind, id: payload.data.id, attempt }
      const error = new GraftError('body_invalid', {
        subject: `the payload of job ${job.id} in the queue ${name}`,
        expected: 'an object with the id of a row',
        found: describeJson(job.data),
        fix: 'The job was ended. If its row still waits for a worker, a correct job follows within a minute.',
      })
      // Another attempt would read the same.
      await boss.complete(name, attempt, toPlain(error))
      throw error
    },
    async touch({ kind, attempt }) {
      await boss.touch(queues[kind].name, attempt)
    },
    async complete(tx, { kind, attempt }) {
      await boss.complete(queues[kind].name, attempt, null, inTransaction(tx))
    },
    async retry({ kind, attempt }) {
      if (attempt.retryCount >= (queues[kind].retryLimit ?? 0)) return false
      await boss.fail(queues[kind].name, attempt)
      return true
    },
    async isExhausted(kind, id) {
      const states = (await boss.findJobs(queues[kind].name, { key: id })).map(({ state }) => state)
      return states.includes('failed') && states.every((state) => state === 'failed' || state === 'completed')
    },
    maintain: () => boss.supervise(),
  }
}

/** Returns the connection options that share the store's pool, or its PGlite. */
function connectionOptions(client: StoreClient): ConstructorOptions {
  if (client.kind === 'pglite') return { db: fromPglite(client.pglite), backend: 'pglite' }
  return { db: { executeSql: (text, values) => client.pool.query(text, values) } }
}
