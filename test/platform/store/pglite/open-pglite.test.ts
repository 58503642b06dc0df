import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterEach, expect, test } from 'vitest'
import { openPglite } from '../../../../platform/store/pglite/open-pglite.ts'
import type { Store } from '../../../../platform/store/store.ts'
import { emptyPlace, type Place, pglitePlace } from '../../../contract/store/embedded.ts'
import { makeDataset } from '../../../contract/store/rows.ts'
import { type StoreTask, startStoreProcess } from '../../../contract/store/start-store-process.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

async function makeHome(make: () => Promise<Place>): Promise<string> {
  const place = await make()
  cleanups.push(place.remove)
  return place.options.home
}

async function open(home: string): Promise<Store> {
  const store = await openPglite(home)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= store.close())
  cleanups.push(close)
  return { ...store, close }
}

function startProcess(task: StoreTask, home: string) {
  const started = startStoreProcess(task, { databaseUrl: '', home })
  cleanups.push(() => started.child.kill('SIGKILL'))
  return started
}

const count = async (store: Store, table: string): Promise<number> => {
  const { rows } = (await store.db.execute(sql.raw(`select count(*) as n from ${table}`))) as unknown as {
    rows: { n: unknown }[]
  }
  return Number(rows[0].n)
}

test('a database of PGlite has one owner, and the error of a second one names the first', async () => {
  const home = await makeHome(pglitePlace)
  const store = await open(home)
  await expect(openPglite(home)).rejects.toMatchObject({
    code: 'store_locked',
    detail: { subject: `the database in ${home}`, problem: `is already open in process ${process.pid}` },
  })
  const second = startProcess('write-pglite', home)
  await second.reports(1)
  expect(second.lines).toEqual(['store_locked'])
  await makeDataset(store.db)
  await store.close()
  const third = startProcess('write-pglite', home)
  await third.reports(2)
  expect(third.lines[0]).toBe('open')
})

test('after kill -9 of its owner, a database of PGlite can be opened and has all acknowledged rows', async () => {
  const home = await makeHome(pglitePlace)
  let known = 0
  for (const rows of [25, 7]) {
    const { child, lines, reports, ended } = startProcess('write-pglite', home)
    await reports(rows + 1)
    child.kill('SIGKILL')
    await ended
    const acknowledged = lines.filter((line) => line.startsWith('row-')).length
    const store = await open(home)
    const there = await count(store, 'graft.datasets')
    expect(acknowledged).toBeGreaterThanOrEqual(rows)
    // One row may be committed but not yet reported.
    expect(there - known - acknowledged).toBeOneOf([0, 1])
    known = there
    await store.close()
  }
})

test('a database of PGlite whose creation was killed is created again', async () => {
  const home = await makeHome(emptyPlace)
  const partial = join(home, 'database.partial')
  const { child, lines, ended } = startProcess('write-pglite', home)
  await expect.poll(() => existsSync(join(partial, 'PG_VERSION')), { timeout: 60_000 }).toBe(true)
  child.kill('SIGKILL')
  await ended
  expect(lines).toEqual([])
  writeFileSync(join(partial, 'postmaster.pid'), '')
  const store = await open(home)
  expect(await count(store, 'graft.migrations')).toBeGreaterThan(0)
  expect(existsSync(partial)).toBe(false)
  // PGlite creates its files with mode 0666.
  expect((statSync(join(home, 'database')).mode & 0o777).toString(8)).toBe('700')
})

test('an empty postmaster.pid does not keep a database of PGlite from opening', async () => {
  const home = await makeHome(pglitePlace)
  writeFileSync(join(home, 'database', 'postmaster.pid'), '')
  expect(await count(await open(home), 'graft.migrations')).toBeGreaterThan(0)
})
