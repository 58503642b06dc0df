import fc from 'fast-check'
import { expect, test } from 'vitest'
import { selectDataset } from '../../../platform/store/datasets.ts'
import { makeDataset } from './rows.ts'
import { onEveryStore } from './stores.ts'

const names = Object.getOwnPropertyNames(Object.prototype)

onEveryStore((store) => {
  test('the counts of any labels are kept, also of those that every object has', async () => {
    const { db } = store()
    const counts = fc.uniqueArray(fc.tuple(fc.constantFrom(...names, 'positive', '10'), fc.nat()), {
      selector: ([label]) => label,
    })
    await fc.assert(
      fc.asyncProperty(counts, async (entries) => {
        const labels = Object.fromEntries(entries)
        const { id } = await makeDataset(db, { labels })
        const found = await selectDataset(db, id)
        expect(Object.entries(found.labels).sort()).toEqual(Object.entries(labels).sort())
      }),
      { numRuns: 30 },
    )
  })
})
