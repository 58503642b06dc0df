import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { HOUR_MS } from '../../../core/durations.ts'
import {
  hasApiKeys,
  insertApiKey,
  revokeApiKey,
  selectApiKeyPage,
  verifyApiKey,
} from '../../../platform/store/api-keys.ts'
import { deleteIdempotencyKeys, idempotent } from '../../../platform/store/idempotency.ts'
import { selectTrainingById, selectTrainingPage } from '../../../platform/store/trainings.ts'
import { makeBase, makeDataset, makeTraining } from './rows.ts'
import { onEveryStore } from './stores.ts'

onEveryStore((store) => {
  test('a key is valid from its creation until it is revoked, and its secret is not stored', async () => {
    const { db } = store()
    expect(await hasApiKeys(db)).toBe(false)
    const { key, secret } = await insertApiKey(db, { name: 'ci', scopes: ['train', 'predict', 'train'] })
    expect(secret).toMatch(/^graft_[\w-]{43}$/)
    expect(key).toMatchObject({ name: 'ci', scopes: ['train', 'predict'], prefix: secret.slice(0, 12) })
    expect(await hasApiKeys(db)).toBe(true)
    expect(await verifyApiKey(db, secret)).toMatchObject({ id: key.id })
    expect(await verifyApiKey(db, `${secret.slice(0, -1)}?`)).toBeUndefined()
    const { data } = await selectApiKeyPage(db)
    expect(data[0].last_used_at).toBeInstanceOf(Date)
    expect(data[0]).not.toHaveProperty('hash')
    const { rows } = (await db.execute(sql`select k::text as row from graft.api_keys k`)) as unknown as {
      rows: { row: string }[]
    }
    expect(rows[0].row).not.toContain(secret.slice(12))
    expect(await revokeApiKey(db, key.id)).toMatchObject({ id: key.id })
    expect(await verifyApiKey(db, secret)).toBeUndefined()
    expect(await hasApiKeys(db)).toBe(false)
    await expect(revokeApiKey(db, key.id)).rejects.toMatchObject({ code: 'key_unknown' })
  })

  test('a key has at least one scope', async () => {
    await expect(insertApiKey(store().db, { name: 'none', scopes: [] })).rejects.toThrow()
  })

  test('concurrent repetitions of a request do the work once, and all get the same response', async () => {
    const { db } = store()
    const base_id = (await makeBase(db)).id
    const dataset_id = (await makeDataset(db)).id
    let launches = 0
    const launch = (request: unknown, owner = '') =>
      idempotent(db, { owner, operation: 'launch', key: 'k1', request }, async (tx) => {
        launches++
        const { id } = await makeTraining(tx, { base_id, dataset_id })
        return { id }
      })
    const before = (await selectTrainingPage(db, { limit: 100 })).data.length
    const responses = await Promise.all([launch({ a: 1, b: [2] }), launch({ b: [2], a: 1 }), launch({ a: 1, b: [2] })])
    expect(new Set(responses.map(({ id }) => id)).size).toBe(1)
    expect(launches).toBe(1)
    expect((await selectTrainingPage(db, { limit: 100 })).data).toHaveLength(before + 1)
    expect(await selectTrainingById(db, responses[0].id)).toMatchObject({ status: 'queued' })
    await expect(launch({ a: 2, b: [2] })).rejects.toMatchObject({ code: 'idempotency_conflict' })
    expect((await launch({ a: 2 }, 'another owner')).id).not.toBe(responses[0].id)
    expect(launches).toBe(2)
  })

  test('a key whose work failed can be used again', async () => {
    const { db } = store()
    const request = { owner: '', operation: 'launch', key: 'k2', request: 1 }
    const failing = idempotent(db, request, async () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await idempotent(db, request, async () => 'done')).toBe('done')
    expect(await idempotent(db, request, async () => 'again')).toBe('done')
  })

  test('old keys are deleted', async () => {
    const { db } = store()
    const request = { owner: '', operation: 'launch', key: 'k3', request: 1 }
    await idempotent(db, request, async () => 1)
    expect(await deleteIdempotencyKeys(db, new Date(Date.now() - HOUR_MS))).toBe(0)
    expect(await deleteIdempotencyKeys(db, new Date(Date.now() + HOUR_MS))).toBeGreaterThan(0)
    expect(await idempotent(db, request, async () => 2)).toBe(2)
  })
  test('work without a key is done each time', async () => {
    const { db } = store()
    const request = { owner: '', operation: 'launch', key: undefined, request: 1 }
    expect(await idempotent(db, request, async () => 'done')).toBe('done')
    expect(await idempotent(db, request, async () => 'again')).toBe('again')
  })
})
