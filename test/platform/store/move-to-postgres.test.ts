import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterEach, expect, test, vi } from 'vitest'
import { insertApiKey } from '../../../platform/store/api-keys.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { openPglite } from '../../../platform/store/pglite/open-pglite.ts'
import type { Store } from '../../../platform/store/store.ts'
import { pglitePlace } from '../../contract/store/embedded.ts'
import { makeAdapter, makeDataset, makeTraining } from '../../contract/store/rows.ts'
import { describeEmbedded } from '../../contract/store/stores.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

async function makeHome(): Promise<string> {
  const { options, remove } = await pglitePlace()
  cleanups.push(remove)
  return options.home
}

async function open(home: string): Promise<Store> {
  const store = await openStore({ databaseUrl: '', home })
  cleanups.push(() => store.close().catch(() => {}))
  return store
}

/** Runs work and returns what it wrote to stderr. */
async function stderrOf(work: () => Promise<unknown>): Promise<string> {
  let written = ''
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    written += chunk
    return true
  })
  await work().finally(() => write.mockRestore())
  return written
}

const query = async <T>(store: Store, text: string): Promise<T[]> =>
  ((await store.db.execute(sql.raw(text))) as unknown as { rows: T[] }).rows

/** Returns every value of every table. */
async function dump(store: Store): Promise<Record<string, string[]>> {
  const tables = await query<{ name: string }>(
    store,
    `select tablename as name from pg_tables where schemaname = 'graft' and tablename <> 'migrations' order by 1`,
  )
  const rows: Record<string, string[]> = {}
  for (const { name } of tables)
    rows[name] = (await query<{ row: string }>(store, `select t::text as row from graft.${name} t order by 1`)).map(
      ({ row }) => row,
    )
  return rows
}

describeEmbedded(() => {
  test('a database of PGlite moves to PostgreSQL with every row, once, and its files are kept', async () => {
    const home = await makeHome()
    const pglite = await openPglite(home)
    const training = await makeTraining(pglite.db)
    await makeAdapter(pglite.db, { temperature: 1.2345678901234567 }, training.id)
    for (let i = 0; i < 120; i++) await makeDataset(pglite.db, { bytes: 9_007_199_254_740_991 - i })
    await insertApiKey(pglite.db, { name: 'ключ "\\ \n', scopes: ['admin'] })
    const before = await dump(pglite)
    expect(before.datasets.length).toBeGreaterThan(120)
    await expect(openStore({ databaseUrl: '', home })).rejects.toMatchObject({ code: 'store_locked' })
    await pglite.close()

    let store = await open(home).catch((error) => error)
    expect(store.client?.kind).toBe('postgres')
    expect(await dump(store)).toEqual(before)
    await makeDataset(store.db)
    const after = await dump(store)
    await store.close()

    // As if the process had been killed just before it renamed the folder.
    const [kept] = readdirSync(home).filter((name) => name.startsWith('database.pglite-'))
    renameSync(join(home, kept), join(home, 'database'))
    const said = await stderrOf(async () => {
      store = await open(home)
    })
    expect(said).toContain('the database moved from PGlite to PostgreSQL. The old files are in ')
    expect(existsSync(join(home, 'database'))).toBe(false)
    expect(await dump(store)).toEqual(after)
  })

  test('where PostgreSQL cannot run, PGlite is used and a line says why; a database of PostgreSQL is refused', async () => {
    const home = await makeHome()
    const { PATH } = process.env
    cleanups.push(() => {
      process.env.PATH = PATH
    })
    process.env.PATH = '/nonexistent'
    const said = await stderrOf(async () => {
      const store = await open(home)
      expect(store.client.kind).toBe('pglite')
      await makeDataset(store.db, { name: 'kept' })
      await store.close()
    })
    expect(said).toMatch(/^graft: the database runs in this process \(PGlite\), for one process at a time: .*\.\n$/)
    process.env.PATH = PATH
    const store = await open(home)
    expect(await query(store, 'select name from graft.datasets')).toEqual([{ name: 'kept' }])
    await store.close()
    process.env.PATH = '/nonexistent'
    await expect(openStore({ databaseUrl: '', home })).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
