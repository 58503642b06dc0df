import { expect, test, vi } from 'vitest'
import { openStore } from '../../platform/store/open-store.ts'
import type { StoreClient } from '../../platform/store/store.ts'
import { makeRateLimit } from '../../server/rate-limit.ts'
import { describePostgres, onEveryStore, postgresPlace } from '../contract/store/stores.ts'

const key = (id: string) => ({ id, hasKey: true })
const rate = { requests: 3, seconds: 60 }

onEveryStore((store) => {
  test('a key may make as many requests as the limit allows, however they are counted', async () => {
    const limit = makeRateLimit(rate, store().client)
    await limit(key('a'), 2)
    await limit(key('b'), 3)
    await expect(limit(key('a'), 2)).rejects.toMatchObject({ code: 'rate_limited', detail: { subject: 'the key' } })
  })

  test('a window ends', async () => {
    const limit = makeRateLimit({ requests: 1, seconds: 1 }, store().client)
    await limit(key('short'), 1)
    await expect(limit(key('short'), 1)).rejects.toMatchObject({ code: 'rate_limited' })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await limit(key('short'), 1)
  })
})

describePostgres(() => {
  test('all servers of a database count together', async () => {
    const place = await postgresPlace()
    const stores = [await openStore(place.options), await openStore(place.options)]
    const limits = stores.map(({ client }) => makeRateLimit(rate, client))
    await limits[0](key('a'), 2)
    await limits[1](key('a'), 1)
    for (const limit of limits) await expect(limit(key('a'), 1)).rejects.toMatchObject({ code: 'rate_limited' })
    for (const store of stores) await store.close()
    await place.remove()
  })

  test('a server asks the database once for many requests, and still counts each', async () => {
    const place = await postgresPlace()
    const store = await openStore(place.options)
    const { client } = store
    if (client.kind !== 'postgres') throw new Error('expected PostgreSQL')
    const query = vi.spyOn(client.pool, 'query')
    const limit = makeRateLimit({ requests: 1000, seconds: 60 }, client)
    const results = await Promise.allSettled(Array.from({ length: 1100 }, () => limit(key('a'), 1)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1000)
    expect(query.mock.calls.length).toBeLessThanOrEqual(101)
    // Otherwise it counted without the database.
    const other = makeRateLimit({ requests: 1000, seconds: 60 }, client)
    await expect(other(key('a'), 1)).rejects.toMatchObject({ code: 'rate_limited' })
    await store.close()
    await place.remove()
  })

  test('a server whose database does not answer counts for itself', async () => {
    const pool = { query: () => Promise.reject(new Error('the connection is lost')) }
    const limit = makeRateLimit(rate, { kind: 'postgres', pool, url: '' } as unknown as StoreClient)
    await limit(key('a'), 3)
    await expect(limit(key('a'), 1)).rejects.toMatchObject({ code: 'rate_limited' })
  })
})
