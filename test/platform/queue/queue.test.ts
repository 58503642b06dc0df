import { expect, test } from 'vitest'
import { uuidv7 } from '../../../core/uuid.ts'
import { openJobQueue } from '../../../platform/queue/pg-boss.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { describePostgres, onBothStores, postgresPlace } from '../../contract/store/stores.ts'
import { until } from '../worker/watching.ts'

onBothStores((store) => {
  test('writes a job with the row or not at all, and has one for each', async () => {
    const jobs = await openJobQueue(store())
    const id = uuidv7()
    const failing = store().transaction(async (tx) => {
      await jobs.queueTraining(tx, id)
      throw new Error('taken back')
    })
    await expect(failing).rejects.toThrow('taken back')
    expect(await jobs.take('training')).toBeUndefined()
    await store().transaction((tx) => jobs.queueTraining(tx, id))
    await Promise.all([jobs.ensure('training', id), jobs.ensure('training', id)])
    const job = await jobs.take('training')
    expect(job).toMatchObject({ kind: 'training', id })
    await jobs.ensure('training', id)
    expect(await jobs.take('training')).toBeUndefined()
    await store().transaction(async (tx) => {
      if (job) await jobs.done(tx, job)
    })
    expect(await jobs.take('training')).toBeUndefined()
    await jobs.close()
  })

  test('takes what was interrupted first, though somebody wrote a job for it before, and not before its time', async () => {
    const jobs = await openJobQueue(store())
    const ids = [uuidv7(), uuidv7(), uuidv7()]
    const { db } = store()
    for (const id of ids) await jobs.queueTraining(db, id)
    await jobs.queueTraining(db, ids[2], { afterSeconds: 1, first: true })
    const take = async () => {
      const job = await jobs.take('training')
      if (job) await jobs.done(db, job)
      return job?.id
    }
    expect(await take()).toBe(ids[0])
    await db.execute(sqlTemplate`select pg_sleep(1.1)`)
    expect(await take()).toBe(ids[2])
    expect(await take()).toBe(ids[1])
    expect(await take()).toBeUndefined()

    await jobs.queueTraining(db, ids[0], { afterSeconds: 60 })
    expect(await take()).toBeUndefined()
    await jobs.queueTraining(db, ids[0])
    expect(await until(take, (id) => id !== undefined, 2)).toBe(ids[0])
    await jobs.close()
  })
})

describePostgres(() => {
  test('processes that start at once on a new database make the queue once', async () => {
    const place = await postgresPlace()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(place.options)))
    const queues = await Promise.all(stores.map(openJobQueue))
    expect(await queues[0].waiting()).toMatchObject({ trainings: 0 })
    for (const jobs of queues) await jobs.close()
    for (const store of stores) await store.close()
    await place.remove()
  })
})
