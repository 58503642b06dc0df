import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test } from 'vitest'
import { listDatasets } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'
import { makeDataset } from './rows.ts'
import { describePostgres, embeddedPlace, emptyPlace, type Place, postgresPlace } from './stores.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function placed(make: () => Promise<Place>): Promise<Place['options']> {
  const place = await make()
  undo.push(place.remove)
  return place.options
}

async function opened(options: Place['options']): Promise<Store> {
  const store = await openStore(options)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= store.close())
  undo.push(close)
  return { ...store, close }
}

/** Another process; its lines as they come. */
function other(task: 'open' | 'write', { databaseUrl, home }: Place['options']) {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [script, task, databaseUrl, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  undo.push(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout! })
  reader.on('line', (line) => lines.push(line))
  const ended = once(reader, 'close')
  /** Until it has told so many lines, or ended. */
  const enough = (n: number) =>
    Promise.race([ended, expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(n)])
  return { child, lines, enough, ended }
}

const count = async (store: Store, query: ReturnType<typeof sql>): Promise<number> =>
  Number(((await store.db.execute(query)) as unknown as { rows: { n: unknown }[] }).rows[0].n)
const migrations = (store: Store) => count(store, sql`select count(*) as n from graft.migrations`)
const journal = readdirSync('migrations').filter((name) => name.endsWith('.sql')).length

describe('on the embedded database', () => declare(emptyPlace))
describePostgres(() => declare(postgresPlace))

function declare(make: () => Promise<Place>): void {
  test('a store that is opened again has its rows, and its tables are made once', async () => {
    const options = await placed(make)
    const first = await opened(options)
    const made = await makeDataset(first.db)
    expect(await migrations(first)).toBe(journal)
    await first.close()
    const second = await opened(options)
    expect(await migrations(second)).toBe(journal)
    expect((await listDatasets(second.db)).data).toEqual([made])
  })

  test('a database that a later Graft has used is refused', async () => {
    const options = await placed(make)
    const store = await opened(options)
    await store.db.execute(sql`insert into graft.migrations (hash, created_at) values ('later', 99999999999999)`)
    await store.close()
    await expect(openStore(options)).rejects.toMatchObject({ code: 'store_newer' })
  })
}

describePostgres(() => {
  test('processes that open a new database at once make its tables once', async () => {
    const options = await placed(postgresPlace)
    const others = [other('open', options), other('open', options)]
    const stores = await Promise.all([opened(options), opened(options)])
    for (const { lines, enough } of others) {
      await enough(1)
      expect(lines).toEqual(['open'])
    }
    expect(await migrations(stores[0])).toBe(journal)
  })

  test('transactions whose connections break before they begin leave connections for others', async () => {
    const store = await opened(await placed(postgresPlace))
    if (store.client.kind !== 'postgres') throw new Error('this is PostgreSQL alone')
    const { pool } = store.client
    const breakIt = (client: object) => (client as { connection: { stream: Socket } }).connection.stream.destroy()
    pool.on('acquire', breakIt)
    for (let i = 0; i < 3 * (pool.options.max ?? 10); i++)
      await expect(store.transaction(async () => {})).rejects.toThrow()
    pool.off('acquire', breakIt)
    expect(await store.transaction((tx) => listDatasets(tx))).toEqual({ data: [] })
    await store.close()
  })

  test('a connection that the server ends is replaced, and no process dies of it', async () => {
    const store = await opened(await placed(postgresPlace))
    await makeDataset(store.db)
    const end = sql`select count(pg_terminate_backend(pid)) as n from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`
    const killer = await opened({ databaseUrl: store.client.kind === 'postgres' ? store.client.url : '', home: '' })
    expect(await count(killer, end)).toBeGreaterThan(0)
    await expect
      .poll(() =>
        listDatasets(store.db).then(
          ({ data }) => data.length,
          () => 0,
        ),
      )
      .toBe(1)
  })
})

test('a PostgreSQL server that does not answer is named without its password', async () => {
  const refused = openStore({ databaseUrl: 'postgres://me:secret@127.0.0.1:9/db' })
  await expect(refused).rejects.toMatchObject({
    code: 'store_unavailable',
    detail: { subject: 'postgres://127.0.0.1:9/db', found: expect.stringContaining('ECONNREFUSED') },
  })
  await expect(refused).rejects.not.toThrow('secret')
})

test('the embedded database has one owner, and whoever comes second is told how to go on', async () => {
  const options = await placed(embeddedPlace)
  const store = await opened(options)
  const refusal = {
    code: 'store_locked',
    detail: { subject: options.home, found: `that process ${process.pid} has it` },
  }
  await expect(openStore(options)).rejects.toMatchObject(refusal)
  const second = other('open', options)
  await second.enough(1)
  expect(second.lines).toEqual(['store_locked'])
  await makeDataset(store.db)
  await store.close()
  const third = other('open', options)
  await third.enough(1)
  expect(third.lines).toEqual(['open'])
})

test('after kill -9 of its owner the next one takes the embedded database over, with all that was acknowledged', async () => {
  const options = await placed(embeddedPlace)
  let known = 0
  for (const rows of [25, 7]) {
    const { child, lines, enough, ended } = other('write', options)
    await enough(rows + 1)
    child.kill('SIGKILL')
    await ended
    // The second process meets rows of the first under its own names, which ends it at once.
    const acknowledged = lines.filter((line) => line.startsWith('row-')).length
    const store = await opened(options)
    const there = await count(store, sql`select count(*) as n from graft.datasets`)
    expect(acknowledged).toBeGreaterThanOrEqual(rows)
    // What was committed but not told of in time may be there, too.
    expect(there - known - acknowledged).toBeOneOf([0, 1])
    await store.db.execute(sql`update graft.datasets set name = ${`${rows} `} || name`)
    known = there
    await store.close()
  }
})

test('a database whose creation was killed is made anew', async () => {
  const options = await placed(emptyPlace)
  const partial = join(options.home, 'database.partial')
  const { child, lines, ended } = other('open', options)
  await expect.poll(() => existsSync(join(partial, 'PG_VERSION')), { timeout: 30_000 }).toBe(true)
  child.kill('SIGKILL')
  await ended
  expect(lines).toEqual([])
  writeFileSync(join(partial, 'postmaster.pid'), '')
  const store = await opened(options)
  expect(await migrations(store)).toBe(journal)
  expect(existsSync(partial)).toBe(false)
})

test('an empty postmaster.pid does not keep a database from opening', async () => {
  const options = await placed(embeddedPlace)
  await (await opened(options)).close()
  writeFileSync(join(options.home, 'database', 'postmaster.pid'), '')
  expect(await migrations(await opened(options))).toBe(journal)
})

test('a new embedded database opens in a few seconds, one that exists in less than two', async () => {
  const options = await placed(emptyPlace)
  const first = performance.now()
  await (await opened(options)).close()
  const second = performance.now()
  const store = await opened(options)
  const third = performance.now()
  // A busy machine may take a few times as long as a quiet one.
  expect(second - first).toBeLessThan(20_000)
  expect(third - second).toBeLessThan(10_000)
  expect(await store.db.execute(sql`show shared_buffers`)).toMatchObject({ rows: [{ shared_buffers: '8MB' }] })
})
