import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test } from 'vitest'
import { selectDatasetPage } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'
import { NODE_FLAGS } from '../../node-flags.ts'
import { embeddedPlace, emptyPlace, type Place } from './embedded.ts'
import { makeDataset } from './rows.ts'
import { describePostgres, postgresPlace } from './stores.ts'

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

/** Starts another process that opens the store, and collects its lines. */
function startProcess(task: 'open' | 'write', { databaseUrl, home }: Place['options']) {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [...NODE_FLAGS, script, task, databaseUrl, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout! })
  reader.on('line', (line) => lines.push(line))
  const ended = once(reader, 'close')
  /** Waits until the process has reported a number of lines, or exited. */
  const reports = (n: number) =>
    Promise.race([ended, expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(n)])
  return { child, lines, reports, ended }
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

describePostgres(() => {
  test('processes that open a new database at the same time create its tables once', async () => {
    const options = await makePlace(postgresPlace)
    const others = [startProcess('open', options), startProcess('open', options)]
    const stores = await Promise.all([open(options), open(options)])
    for (const { lines, reports } of others) {
      await reports(1)
      expect(lines).toEqual(['open'])
    }
    expect(await migrations(stores[0])).toBe(journal)
  })

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

test('the embedded database has one owner, and the error of a second one names the first', async () => {
  const options = await makePlace(embeddedPlace)
  const store = await open(options)
  const locked = {
    code: 'store_locked',
    detail: { subject: `the database in ${options.home}`, problem: `is already open in process ${process.pid}` },
  }
  await expect(openStore(options)).rejects.toMatchObject(locked)
  const second = startProcess('open', options)
  await second.reports(1)
  expect(second.lines).toEqual(['store_locked'])
  await makeDataset(store.db)
  await store.close()
  const third = startProcess('open', options)
  await third.reports(1)
  expect(third.lines).toEqual(['open'])
})

test('after kill -9 of its owner, the embedded database can be opened and has all acknowledged rows', async () => {
  const options = await makePlace(embeddedPlace)
  let known = 0
  for (const rows of [25, 7]) {
    const { child, lines, reports, ended } = startProcess('write', options)
    await reports(rows + 1)
    child.kill('SIGKILL')
    await ended
    const acknowledged = lines.filter((line) => line.startsWith('row-')).length
    const store = await open(options)
    const there = await count(store, sql`select count(*) as n from graft.datasets`)
    expect(acknowledged).toBeGreaterThanOrEqual(rows)
    // One row may be committed but not yet reported.
    expect(there - known - acknowledged).toBeOneOf([0, 1])
    // Renames the rows, because the next process uses the same names.
    await store.db.execute(sql`update graft.datasets set name = ${`${rows} `} || name`)
    known = there
    await store.close()
  }
})

test('a database whose creation was killed is created again', async () => {
  const options = await makePlace(emptyPlace)
  const partial = join(options.home, 'database.partial')
  const { child, lines, ended } = startProcess('open', options)
  await expect.poll(() => existsSync(join(partial, 'PG_VERSION')), { timeout: 30_000 }).toBe(true)
  child.kill('SIGKILL')
  await ended
  expect(lines).toEqual([])
  writeFileSync(join(partial, 'postmaster.pid'), '')
  const store = await open(options)
  expect(await migrations(store)).toBe(journal)
  expect(existsSync(partial)).toBe(false)
})

test('an empty postmaster.pid does not keep a database from opening', async () => {
  const options = await makePlace(embeddedPlace)
  await (await open(options)).close()
  writeFileSync(join(options.home, 'database', 'postmaster.pid'), '')
  expect(await migrations(await open(options))).toBe(journal)
})

test('a new embedded database opens in a few seconds, and an existing one in less than two', async () => {
  const options = await makePlace(emptyPlace)
  const first = performance.now()
  await (await open(options)).close()
  const second = performance.now()
  const store = await open(options)
  const third = performance.now()
  // A busy machine may take a few times as long as a quiet one.
  expect(second - first).toBeLessThan(20_000)
  expect(third - second).toBeLessThan(10_000)
  expect(await store.db.execute(sql`show shared_buffers`)).toMatchObject({ rows: [{ shared_buffers: '8MB' }] })
})
