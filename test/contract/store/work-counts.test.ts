import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { claimTraining, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { countWaiting, selectOldestWaitingSeconds } from '../../../platform/store/work-counts.ts'
import { makeTraining } from './rows.ts'
import { onEveryStore } from './stores.ts'

onEveryStore((store) => {
  test('the age of waiting work counts from when it was queued last, and not from its creation', async () => {
    const { db } = store()
    const { id } = await makeTraining(db)
    const past = sql`now() - interval '1 hour'`
    await db.execute(sql`update graft.training_events set created_at = ${past} where training_id = ${id}`)
    expect((await selectOldestWaitingSeconds(db)).trainings).toBeGreaterThan(3500)

    await claimTraining(db, id, 'worker')
    expect(await countWaiting(db)).toEqual({ trainings: 0, evaluations: 0, comparisons: 0 })
    expect(await selectOldestWaitingSeconds(db)).toEqual({ trainings: 0, evaluations: 0, comparisons: 0 })
    await transitionTraining(db, id, 'queued')
    expect((await selectOldestWaitingSeconds(db)).trainings).toBeLessThan(600)
  })
})
