import { expect, test } from 'vitest'
import { deleteAdapter, findAdapter, getAdapter, getAdapters } from '../../../platform/store/adapters.ts'
import {
  getAlias,
  holdAlias,
  listAliases,
  listAliasMoves,
  moveAlias,
  removeAlias,
} from '../../../platform/store/aliases.ts'
import type { Database } from '../../../platform/store/database.ts'
import type { Store } from '../../../platform/store/store.ts'
import { makeAdapter, makeTraining } from './rows.ts'
import { onBothStores } from './stores.ts'

const weightsOf = ({ id, name, digest }: Awaited<ReturnType<typeof makeAdapter>>) => ({ id, name, digest })

/** Makes the alias lead there, as a transaction of its own. */
const lead = (
  { transaction }: Pick<Store, 'transaction'>,
  name: string,
  adapter: Awaited<ReturnType<typeof makeAdapter>>,
) =>
  transaction(async (tx: Database) => {
    const known = await holdAlias(tx, name)
    const from = known && { id: known.adapter_id, name: known.adapter, digest: known.digest }
    const to = weightsOf(adapter)
    return moveAlias(tx, { name, adapter_id: adapter.id, guard: null }, { from, to, forced: false, owner: '' })
  })

onBothStores((store) => {
  test('an alias does in place of the name of the adapter that it leads to, until it is moved', async () => {
    const { db } = store()
    const [one, other] = [await makeAdapter(db), await makeAdapter(db)]
    await lead(store(), 'production', one)
    const found = await getAdapter(db, 'production')
    expect(found).toMatchObject({ id: one.id, name: one.name, aliases: ['production'] })
    await lead(store(), 'canary', one)
    expect((await getAdapter(db, one.name)).aliases).toEqual(['canary', 'production'])
    expect((await getAdapters(db, ['production', other.name, 'canary'], String)).map(({ id }) => id)).toEqual([
      one.id,
      other.id,
      one.id,
    ])
    await lead(store(), 'production', other)
    expect(await getAdapter(db, 'production')).toMatchObject({ id: other.id })
    expect(await getAlias(db, 'production')).toMatchObject({ adapter: other.name, digest: other.digest })
    expect((await listAliases(db)).data.map(({ name }) => name)).toEqual(['canary', 'production'])
    await expect(getAlias(db, 'nothing')).rejects.toMatchObject({ code: 'alias_unknown' })
  })

  test('an adapter stays while an alias leads to it, and every move stays recorded', async () => {
    const { db, transaction } = store()
    const [one, other] = [await makeAdapter(db), await makeAdapter(db)]
    await lead(store(), 'kept', one)
    await expect(deleteAdapter(db, one.name)).rejects.toMatchObject({
      code: 'in_use',
      detail: expect.objectContaining({ found: 'kept' }),
    })
    await lead(store(), 'kept', other)
    await deleteAdapter(db, one.name)
    await transaction(async (tx) => removeAlias(tx, await getAlias(tx, 'kept'), 'somebody'))
    expect(await findAdapter(db, 'kept')).toBeUndefined()
    const { data } = await listAliasMoves(db, 'kept')
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
    await lead(store(), 'an-alias', adapter)
    for (const name of ['an-adapter', 'a-training'])
      await expect(lead(store(), name, adapter)).rejects.toMatchObject({ code: 'name_taken' })
    await expect(makeAdapter(db, { name: 'an-alias' })).rejects.toMatchObject({ code: 'name_taken' })
    await expect(makeTraining(db, { name: 'an-alias' })).rejects.toMatchObject({ code: 'name_taken' })
  })

  test('of moves at once, each goes from where the one before it led', async () => {
    const { db } = store()
    const adapters = [await makeAdapter(db), await makeAdapter(db), await makeAdapter(db), await makeAdapter(db)]
    await Promise.all(adapters.map((adapter) => lead(store(), 'wanted', adapter)))
    const { data } = await listAliasMoves(db, 'wanted')
    expect(data).toHaveLength(4)
    const byFrom = new Map(data.map(({ from, to }) => [from?.id, to?.id]))
    let at: string | undefined
    for (let i = 0; i < 4; i++) at = byFrom.get(at)
    expect(at).toBe((await getAlias(db, 'wanted')).adapter_id)
  })
})
