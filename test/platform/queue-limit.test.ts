import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { trainings } from '../../platform/store/schema/trainings.ts'
import { countWaiting } from '../../platform/store/work-counts.ts'
import { requireQueueCapacity } from '../../platform/use-cases/queue-limit.ts'
import { makeBase, makeDataset } from '../contract/store/rows.ts'
import { fakePlatform } from './fake-platform.ts'

async function openQueue() {
  const platform = await fakePlatform()
  const { db } = platform.store
  await db.execute(sql`truncate graft.trainings cascade`)
  Object.assign(platform, { queue: { countWaiting: () => countWaiting(db) } })
  const row = { base_id: (await makeBase(db)).id, dataset_id: (await makeDataset(db)).id, spec: {} as never }
  return {
    admit: (owner: string) => requireQueueCapacity(platform, { owner, scopes: ['train'] }),
    add: (owner: string, count: number) =>
      db.insert(trainings).values(Array.from({ length: count }, () => ({ ...row, owner }))),
  }
}

test('a key that fills the queue leaves room for others', async () => {
  const { admit, add } = await openQueue()
  await add('a', 749)
  await admit('a')
  await add('a', 1)
  await expect(admit('a')).rejects.toMatchObject({
    code: 'queue_full',
    detail: { problem: expect.stringContaining('already has its share of the queue: 750 ') },
  })
  await admit('b')
})

test('a key has at most a quarter of the queue while work of others waits', async () => {
  const { admit, add } = await openQueue()
  await add('a', 248)
  await add('b', 1)
  await admit('a')
  await add('a', 1)
  await expect(admit('a')).rejects.toMatchObject({ code: 'queue_full' })
})

test('a full queue accepts nothing', async () => {
  const { admit, add } = await openQueue()
  await add('a', 500)
  await add('b', 500)
  await expect(admit('c')).rejects.toMatchObject({ code: 'queue_full', detail: { subject: 'the queue' } })
})
