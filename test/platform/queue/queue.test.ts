import { expect, test } from 'vitest'
import { uuidv7 } from '../../../core/uuid.ts'
import { openJobQueue } from '../../../platform/queue/pg-boss.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { describePostgres, onEveryStore, postgresPlace } from '../../contract/store/stores.ts'
import { waitUntil } from '../worker/wait-until.ts'

onEveryStore((store) => {
  test('a job is written in the same transaction as its row, and a row has at most one job', async () => {
    const queue = await openJobQueue(store())
    const id = uuidv7()
    const failing = store().transaction(async (tx) => {
      await queue.enqueueTraining(tx, id)
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    expect(await queue.take('training')).toBeUndefined()
    await store().transaction((tx) => queue.enqueueTraining(tx, id))
    await Promise.all([queue.ensure('training', id), queue.ensure('training', id)])
    const job = await queue.take('training')
    expect(job).toMatchObject({ kind: 'training', id })
    await queue.ensure('training', id)
    expect(await queue.take('training')).toBeUndefined()
    await store().transaction(async (tx) => {
      if (job) await queue.complete(tx, job)
    })
    expect(await queue.take('training')).toBeUndefined()
    await queue.close()
  })

  test('an interrupted training comes first even if it had a job already, but only after its delay', async () => {
    const queue = await openJobQueue(store())
    const ids = [uuidv7(), uuidv7(), uuidv7()]
    const { db } = store()
    for (const id of ids) await queue.enqueueTraining(db, id)
    await queue.enqueueTraining(db, ids[2], { afterSeconds: 1, first: true })
    const take = async () => {
      const job = await queue.take('training')
      if (job) await queue.complete(db, job)
      return job?.id
    }
    expect(await take()).toBe(ids[0])
    await db.execute(sqlTemplate`select pg_sleep(1.1)`)
    expect(await take()).toBe(ids[2])
    expect(await take()).toBe(ids[1])
    expect(await take()).toBeUndefined()

    await queue.enqueueTraining(db, ids[0], { afterSeconds: 60 })
    expect(await take()).toBeUndefined()
    await queue.enqueueTraining(db, ids[0])
    expect(await waitUntil(take, (id) => id !== undefined, 2)).toBe(ids[0])
    await queue.close()
  })

  test('a job with a wrong payload ends with a clear error, and the next job is taken', async () => {
    const queue = await openJobQueue(store())
    const payloads = ['{}', 'null', '[]', '{"id": "film"}', '{"id": 3}']
    for (const payload of payloads)
      await store().db.execute(sqlTemplate`insert into graft_jobs.job (name, data) values ('trainings', ${payload})`)
    const id = uuidv7()
    await queue.enqueueTraining(store().db, id)
    const errors: unknown[] = []
    for (const _ of payloads) errors.push(await queue.take('training').catch((error) => error))
    expect(errors).toEqual(
      payloads.map((payload) =>
        expect.objectContaining({
          code: 'body_invalid',
          message: expect.stringMatching(
            /payload of job [0-9a-f-]{36} in the queue trainings: expected an object with/,
          ),
          detail: expect.objectContaining({ found: JSON.stringify(JSON.parse(payload)) }),
        }),
      ),
    )
    const job = await queue.take('training')
    expect(job).toMatchObject({ kind: 'training', id })
    if (job) await queue.complete(store().db, job)
    expect(await queue.take('training')).toBeUndefined()
    await queue.close()
  })
})

describePostgres(() => {
  test('processes that start at the same time on a new database create the queue once', async () => {
    const place = await postgresPlace()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(place.options)))
    const queues = await Promise.all(stores.map(openJobQueue))
    expect(await queues[0].countWaiting()).toMatchObject({ trainings: 0 })
    for (const queue of queues) await queue.close()
    for (const store of stores) await store.close()
    await place.remove()
  })
})
