import { expect, test } from 'vitest'
import { deleteAdapter, findAdapter, selectAdapter, selectAdapters } from '../../../platform/store/adapters.ts'
import {
  deleteAlias,
  lockAlias,
  selectAlias,
  selectAliasMovePage,
  selectAliasPage,
  upsertAlias,
} from '../../../platform/store/aliases.ts'
import type { Database } from '../../../platform/store/database.ts'
import type { Store } from '../../../platform/store/store.ts'
import { makeAdapter, makeTraining } from './rows.ts'
import { onEveryStore } from './stores.ts'

const snapshotOf = ({ id, name, digest }: Awaited<ReturnType<typeof makeAdapter>>) => ({ id, name, digest })

/** Points the alias to the adapter, in its own transaction. */
const pointAlias = (
  { transaction }: Pick<Store, 'transaction'>,
  name: string,
  adapter: Awaited<ReturnType<typeof makeAdapter>>,
) =>
  transaction(async (tx: Database) => {
    const known = await lockAlias(tx, name)
    const from = known && { id: known.adapter_id, name: known.adapter, digest: known.digest }
    const to = snapshotOf(adapter)
    return upsertAlias(tx, { name, adapter_id: adapter.id, guard: null }, { from, to, forced: false, owner: '' })
  })

onEveryStore((store) => {
  test('an alias can be used in place of the name of its adapter, until it is moved', async () => {
    const { db } = store()
    const [one, other] = [await makeAdapter(db), await makeAdapter(db)]
    await pointAlias(store(), 'production', one)
    const found = await selectAdapter(db, 'production')
    expect(found).toMatchObject({ id: one.id, name: one.name, aliases: ['production'] })
    await pointAlias(store(), 'canary', one)
    expect((await selectAdapter(db, one.name)).aliases).toEqual(['canary', 'production'])
    expect((await selectAdapters(db, ['production', other.name, 'canary'], String)).map(({ id }) => id)).toEqual([
      one.id,
      other.id,
      one.id,
    ])
    await pointAlias(store(), 'production', other)
    expect(await selectAdapter(db, 'production')).toMatchObject({ id: other.id })
    expect(await selectAlias(db, 'production')).toMatchObject({ adapter: other.name, digest: other.digest })
    expect((await selectAliasPage(db)).data.map(({ name }) => name)).toEqual(['canary', 'production'])
    await expect(selectAlias(db, 'nothing')).rejects.toMatchObject({ code: 'alias_unknown' })
  })

  test('an adapter cannot be deleted while an alias points to it, and every move stays recorded', async () => {
    const { db, transaction } = store()
    const [one, other] = [await makeAdapter(db), await makeAdapter(db)]
    await pointAlias(store(), 'kept', one)
    await expect(deleteAdapter(db, one.name)).rejects.toMatchObject({
      code: 'in_use',
      detail: expect.objectContaining({ problem: expect.stringContaining('the alias kept points to it') }),
    })
    await pointAlias(store(), 'kept', other)
    await deleteAdapter(db, one.name)
    await transaction(async (tx) => deleteAlias(tx, await selectAlias(tx, 'kept'), 'somebody'))
    expect(await findAdapter(db, 'kept')).toBeUndefined()
    const { data } = await selectAliasMovePage(db, 'kept')
    expect(data.map(({ from, to, owner }) => [from?.name, to?.name, owner])).toEqual([
      [other.name, undefined, 'somebody'],
      [one.name, other.name, ''],
      [undefined, one.name, ''],
    ])
  })

  test('adapters, trainings and aliases share their names', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db, { name: 'an-adapter' })
    await makeTraining(db, { name: 'a-training' })
    await pointAlias(store(), 'an-alias', adapter)
    for (const name of ['an-adapter', 'a-training'])
      await expect(pointAlias(store(), name, adapter)).rejects.toMatchObject({ code: 'name_taken' })
    await expect(makeAdapter(db, { name: 'an-alias' })).rejects.toMatchObject({ code: 'name_taken' })
    await expect(makeTraining(db, { name: 'an-alias' })).rejects.toMatchObject({ code: 'name_taken' })
  })

  test('concurrent moves of an alias form a chain: each starts at the target of the previous one', async () => {
    const { db } = store()
    const adapters = [await makeAdapter(db), await makeAdapter(db), await makeAdapter(db), await makeAdapter(db)]
    await Promise.all(adapters.map((adapter) => pointAlias(store(), 'wanted', adapter)))
    const { data } = await selectAliasMovePage(db, 'wanted')
    expect(data).toHaveLength(4)
    const byFrom = new Map(data.map(({ from, to }) => [from?.id, to?.id]))
    let at: string | undefined
    for (let i = 0; i < 4; i++) at = byFrom.get(at)
    expect(at).toBe((await selectAlias(db, 'wanted')).adapter_id)
  })
})
