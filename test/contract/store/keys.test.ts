import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createApiKey, hasApiKeys, listApiKeys, revokeApiKey, verifyApiKey } from '../../../platform/store/api-keys.ts'
import { forgetKeys, once } from '../../../platform/store/idempotency.ts'
import { getTraining, listTrainings } from '../../../platform/store/trainings.ts'
import { makeBase, makeDataset, makeTraining } from './rows.ts'
import { onBothStores } from './stores.ts'

onBothStores((store) => {
  test('a key is valid from its making until it is revoked, and is stored nowhere', async () => {
    const { db } = store()
    expect(await hasApiKeys(db)).toBe(false)
    const { key, secret } = await createApiKey(db, { name: 'ci', scopes: ['train', 'predict', 'train'] })
    expect(secret).toMatch(/^graft_[\w-]{43}$/)
    expect(key).toMatchObject({ name: 'ci', scopes: ['train', 'predict'], prefix: secret.slice(0, 12) })
    expect(await hasApiKeys(db)).toBe(true)
    expect(await verifyApiKey(db, secret)).toMatchObject({ id: key.id })
    expect(await verifyApiKey(db, `${secret.slice(0, -1)}?`)).toBeUndefined()
    const { data } = await listApiKeys(db)
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
    await expect(createApiKey(store().db, { name: 'none', scopes: [] })).rejects.toThrow()
  })

  test('a request that is repeated at once is done once, and all get its answer', async () => {
    const { db } = store()
    const base_id = (await makeBase(db)).id
    const dataset_id = (await makeDataset(db)).id
    const launch = (request: unknown, owner = '') =>
      once(db, { owner, operation: 'launch', key: 'k1', request }, async (tx) => {
        const { id } = await makeTraining(tx, { base_id, dataset_id })
        return { id }
      })
    const before = (await listTrainings(db, { limit: 100 })).data.length
    const answers = await Promise.all([launch({ a: 1, b: [2] }), launch({ b: [2], a: 1 }), launch({ a: 1, b: [2] })])
    expect(new Set(answers.map(({ answer }) => answer.id)).size).toBe(1)
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1)
    expect((await listTrainings(db, { limit: 100 })).data).toHaveLength(before + 1)
    expect(await getTraining(db, answers[0].answer.id)).toMatchObject({ status: 'queued' })
    await expect(launch({ a: 2, b: [2] })).rejects.toMatchObject({ code: 'idempotency_conflict' })
    expect((await launch({ a: 2 }, 'somebody else')).repeated).toBe(false)
  })

  test('work that failed leaves its key free', async () => {
    const { db } = store()
    const request = { owner: '', operation: 'launch', key: 'k2', request: 1 }
    const failing = once(db, request, async () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await once(db, request, async () => 'done')).toEqual({ answer: 'done', repeated: false })
    expect(await once(db, request, async () => 'again')).toEqual({ answer: 'done', repeated: true })
  })

  test('old keys are forgotten', async () => {
    const { db } = store()
    const request = { owner: '', operation: 'launch', key: 'k3', request: 1 }
    await once(db, request, async () => 1)
    expect(await forgetKeys(db, new Date(Date.now() - 3_600_000))).toBe(0)
    expect(await forgetKeys(db, new Date(Date.now() + 3_600_000))).toBeGreaterThan(0)
    expect((await once(db, request, async () => 2)).answer).toBe(2)
  })
})
