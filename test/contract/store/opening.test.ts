import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test } from 'vitest'
import { selectDatasetPage } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'
import { embeddedPlace, emptyPlace, type Place } from './embedded.ts'
import { makeDataset } from './rows.ts'
import { type StoreTask, startStoreProcess } from './start-store-process.ts'
import { describeEmbedded, describePostgres, postgresPlace } from './stores.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

async function makePlace(make: () => Promise<Place>): Promise<Place['options']> {
  const place = await make()
  cleanups.push(place.remove)
  return place.options
}

async function open(options: Place['options']): Promise<Store> {
  const store = await openStore(options)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= store.close())
  cleanups.push(close)
  return { ...store, close }
}

function startProcess(task: StoreTask, options: Place['options']) {
  const started = startStoreProcess(task, options)
  cleanups.push(() => started.child.kill('SIGKILL'))
  return started
}

const count = async (store: Store, query: ReturnType<typeof sql>): Promise<number> =>
  Number(((await store.db.execute(query)) as unknown as { rows: { n: unknown }[] }).rows[0].n)
const migrations = (store: Store) => count(store, sql`select count(*) as n from graft.migrations`)
const journal = readdirSync('migrations').filter((name) => name.endsWith('.sql')).length

describe('on the embedded database', () => declare(emptyPlace, embeddedPlace))
describePostgres(() => declare(postgresPlace, postgresPlace))

/** @param makeUsed returns a place that may have its tables, which takes less time */
function declare(make: () => Promise<Place>, makeUsed: () => Promise<Place>): void {
  test('a store that is opened again has its rows, and its tables are created once', async () => {
    const options = await makePlace(make)
    const first = await open(options)
    const made = await makeDataset(first.db)
    expect(await migrations(first)).toBe(journal)
    await first.close()
    const second = await open(options)
    expect(await migrations(second)).toBe(journal)
    expect((await selectDatasetPage(second.db)).data).toEqual([made])
  })

  test('a database that a later version of Graft has used is refused', async () => {
    const options = await makePlace(makeUsed)
    const store = await open(options)
    await store.db.execute(sql`insert into graft.migrations (hash, created_at) values ('later', 99999999999999)`)
    await store.close()
    await expect(openStore(options)).rejects.toMatchObject({ code: 'store_newer' })
  })
}

describeEmbedded(() => declareShared(emptyPlace))
describePostgres(() => declareShared(postgresPlace))

function declareShared(make: () => Promise<Place>): void {
  test('processes that open a new database at the same time create its tables once', async () => {
    const options = await makePlace(make)
    const others = [startProcess('open', options), startProcess('open', options)]
    const stores = await Promise.all([open(options), open(options)])
    for (const { lines, reports } of others) {
      await reports(1)
      expect(lines[0]).toBe('open')
    }
    expect(await migrations(stores[0])).toBe(journal)
  })
}

describePostgres(() => {
  test('transactions whose connections break before they begin do not use up the connections', async () => {
    const store = await open(await makePlace(postgresPlace))
    if (store.client.kind !== 'postgres') throw new Error('this test needs PostgreSQL')
    const { pool } = store.client
    const breakConnection = (client: object) =>
      (client as { connection: { stream: Socket } }).connection.stream.destroy()
    pool.on('acquire', breakConnection)
    for (let i = 0; i < 3 * (pool.options.max ?? 10); i++)
      await expect(store.transaction(async () => {})).rejects.toThrow()
    pool.off('acquire', breakConnection)
    expect(await store.transaction((tx) => selectDatasetPage(tx))).toEqual({ data: [] })
    await store.close()
  })

  test('a connection that the server ends is replaced, and the process continues', async () => {
    const store = await open(await makePlace(postgresPlace))
    await makeDataset(store.db)
    const terminateOthers = sql`select count(pg_terminate_backend(pid)) as n from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`
    const killer = await open({ databaseUrl: store.client.kind === 'postgres' ? store.client.url : '', home: '' })
    expect(await count(killer, terminateOthers)).toBeGreaterThan(0)
    await expect
      .poll(() =>
        selectDatasetPage(store.db).then(
          ({ data }) => data.length,
          () => 0,
        ),
      )
      .toBe(1)
  })
})

test('the error of a PostgreSQL server that does not answer names it without its password', async () => {
  const refused = openStore({ databaseUrl: 'postgres://me:secret@127.0.0.1:9/db' })
  await expect(refused).rejects.toMatchObject({
    code: 'store_unavailable',
    detail: { subject: 'the database postgres://127.0.0.1:9/db', problem: expect.stringContaining('ECONNREFUSED') },
  })
  await expect(refused).rejects.not.toThrow('secret')
})
