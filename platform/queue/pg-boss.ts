import {
  type QueueOptions as BossOptions,
  type ConstructorOptions,
  type DrizzleTransactionLike,
  fromDrizzle,
  fromPglite,
  PgBoss,
} from 'pg-boss'
import { countWaiting } from '../store/count-waiting.ts'
import type { Database } from '../store/database.ts'
import { oneAtATime } from '../store/one-at-a-time.ts'
import { sqlTemplate } from '../store/sql-template.ts'
import type { Store, StoreClient } from '../store/store.ts'
import type { Job, JobKind, JobQueue } from './queue.ts'

const HOUR = 3600

/** Of short work: it is tried four times. */
const SHORT_WORK: BossOptions = {
  expireInSeconds: 24 * HOUR,
  retryLimit: 3,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
}

/** The kinds of jobs as queues. Every one bears its row's id as its key, and of a key there is one that waits or runs. */
const queues: Readonly<Record<JobKind, { name: string } & BossOptions>> = {
  // A job of a training lasts until the training's row has its worker's name, which takes milliseconds; from then on the row itself tells
  // whether that lives.
  training: { name: 'trainings', expireInSeconds: HOUR, retryLimit: 1000 },
  evaluation: { name: 'evaluations', ...SHORT_WORK },
  comparison: { name: 'comparisons', ...SHORT_WORK },
}

/** Seconds without a word of its worker after which a job is tried again; the least that the queue allows. */
const SILENCE = 10

/**
 * Opens the queue in the store's database, in tables of a schema of its own, which are made and brought up to date as the store's are.
 */
export async function openJobQueue(store: Store): Promise<JobQueue> {
  const boss = new PgBoss({
    schema: 'graft_jobs',
    ...connection(store.client),
    supervise: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
    monitorIntervalSeconds: 5,
    maintenanceIntervalSeconds: HOUR / 12,
  })
  // What it does in the background is tried again; what is asked of it rejects where it is asked.
  boss.on('error', () => {})
  await oneAtATime(store.client, async () => {
    await boss.start()
    for (const { name, ...options } of Object.values(queues)) {
      const settings = { ...options, heartbeatSeconds: SILENCE, deleteAfterSeconds: HOUR }
      await boss.createQueue(name, { policy: 'exclusive', ...settings })
      // One that an earlier version made.
      await boss.updateQueue(name, settings)
    }
  })

  // Both drivers answer with rows; their common type does not say so.
  const within = (tx: Database) => ({ db: fromDrizzle(tx as unknown as DrizzleTransactionLike, sqlTemplate) })
  /** @returns whether there was none that waits or runs */
  const add = async (kind: JobKind, tx: Database, id: string, order: object = {}): Promise<boolean> =>
    (await boss.send(queues[kind].name, { id }, { singletonKey: id, ...order, ...within(tx) })) !== null

  return {
    async queueTraining(tx, id, { afterSeconds = 0, first = false } = {}) {
      const order = { startAfter: afterSeconds, priority: Number(first) }
      if (await add('training', tx, id, order)) return
      await boss.update(queues.training.name, { id }, { singletonKey: id, ...order, ...within(tx) })
    },
    async queueShortWork(tx, kind, id) {
      await add(kind, tx, id)
    },
    async ensure(kind, id) {
      await add(kind, store.db, id)
    },
    waiting: () => countWaiting(store.db),
    close: () => boss.stop({ graceful: false, close: false }),
    async take(kind): Promise<Job | undefined> {
      const [job] = await boss.fetch<{ id: string }>(queues[kind].name)
      return job && { kind, id: job.data.id, attempt: { id: job.id, retryCount: job.retryCount } }
    },
    async touch({ kind, attempt }) {
      await boss.touch(queues[kind].name, attempt)
    },
    async done(tx, { kind, attempt }) {
      await boss.complete(queues[kind].name, attempt, null, within(tx))
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
    tend: () => boss.supervise(),
  }
}

/** On the connections of the store: one pool, or the one process that has the embedded database. */
function connection(client: StoreClient): ConstructorOptions {
  if (client.kind === 'embedded') return { db: fromPglite(client.pglite), backend: 'pglite' }
  return { db: { executeSql: (text, values) => client.pool.query(text, values) } }
}
