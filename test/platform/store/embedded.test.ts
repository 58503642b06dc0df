import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterEach, expect, test } from 'vitest'
import { hasReader } from '../../../platform/store/embedded/fifo.ts'
import { pathsOf, type ServerPaths } from '../../../platform/store/embedded/paths.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { retryOnDisconnect } from '../../../platform/store/retry-connection.ts'
import type { Store } from '../../../platform/store/store.ts'
import { embeddedPlace, emptyPlace, type Place } from '../../contract/store/embedded.ts'
import { type StoreTask, startStoreProcess } from '../../contract/store/start-store-process.ts'
import { describeEmbedded } from '../../contract/store/stores.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

async function makeHome(make: () => Promise<Place> = embeddedPlace): Promise<{ home: string; paths: ServerPaths }> {
  const { options, remove } = await make()
  cleanups.push(remove)
  return { home: options.home, paths: pathsOf(options.home) }
}

async function open(home: string): Promise<Store> {
  const store = await openStore({ databaseUrl: '', home })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= store.close())
  cleanups.push(close)
  return { ...store, close }
}

function start(task: StoreTask, home: string) {
  const started = startStoreProcess(task, { databaseUrl: '', home })
  cleanups.push(() => started.child.kill('SIGKILL'))
  return started
}

const count = async (store: Store, table = 'graft.datasets'): Promise<number> => {
  const query = sql.raw(`select count(*) as n from ${table}`)
  const { rows } = (await store.db.execute(query)) as unknown as { rows: { n: unknown }[] }
  return Number(rows[0].n)
}

/** Returns the ids of the processes that have a path among their arguments. */
const processesWith = (path: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path)
      } catch {
        return false
      }
    })
const serverOf = ({ pid }: ServerPaths): number => Number(readFileSync(pid, 'utf8').split('\n')[0])
const watchersOf = ({ users }: ServerPaths): number[] => processesWith(users)
const killAll = (pids: readonly number[]) => {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}
const expectStopped = async (paths: ServerPaths) => {
  await expect.poll(() => hasReader(paths.alive), { timeout: 30_000 }).toBe(false)
  await expect.poll(() => watchersOf(paths)).toEqual([])
}

describeEmbedded(() => {
  test('processes share a home, and the server stops with the last of them, whichever started it', async () => {
    const { home, paths } = await makeHome()
    const first = start('hold', home)
    await first.reports(1)
    const store = await open(home)
    const third = start('hold', home)
    await third.reports(1)
    expect(watchersOf(paths)).toHaveLength(1)
    const server = serverOf(paths)
    for (const { child, ended, lines } of [first, third]) {
      child.stdin?.end()
      await ended
      expect(lines).toEqual(['open', 'closed'])
    }
    expect(await count(store)).toBe(0)
    expect(serverOf(paths)).toBe(server)
    await store.close()
    expect(existsSync(paths.run)).toBe(false)
    expect(existsSync(paths.pid)).toBe(false)
    await expectStopped(paths)
  })

  test('kill -9 of every process, the server included, loses nothing that was acknowledged', async () => {
    const { home, paths } = await makeHome()
    let acknowledged = 0
    for (let round = 0; round < 2; round++) {
      const writers = [start('write', home), start('write', home)]
      for (const writer of writers) await writer.reports(15)
      const server = serverOf(paths)
      const processes = [...writers.map(({ child }) => child.pid as number), server, ...watchersOf(paths)]
      killAll(round === 0 ? processes : processes.reverse())
      for (const { ended, lines } of writers) {
        await ended
        expect(lines.filter((line) => !line.startsWith('row-'))).toEqual(['open'])
        acknowledged += lines.length - 1
      }
      const store = await open(home)
      const there = await count(store)
      // Each writer may have committed a row that it did not report.
      expect(there).toBeGreaterThanOrEqual(acknowledged)
      expect(there).toBeLessThanOrEqual(acknowledged + 2 * (round + 1))
      await store.close()
    }
    await expectStopped(paths)
  })

  test('a server that is killed starts again with the next query, and its users are not restarted', async () => {
    const { home, paths } = await makeHome()
    const store = await open(home)
    const writer = start('write', home)
    await writer.reports(5)
    const server = serverOf(paths)
    process.kill(server, 'SIGKILL')
    const reported = writer.lines.length
    await writer.reports(reported + 5)
    expect(await retryOnDisconnect(() => count(store))).toBeGreaterThanOrEqual(reported)
    expect(serverOf(paths)).not.toBe(server)
    writer.child.kill('SIGKILL')
    await store.close()
    await expectStopped(paths)
  })

  test('the server stops after kill -9 of its last user, and also if its watcher was killed before', async () => {
    const { home, paths } = await makeHome()
    const user = start('hold', home)
    await user.reports(1)
    user.child.kill('SIGKILL')
    await expectStopped(paths)
    const store = await open(home)
    killAll(watchersOf(paths))
    await expect.poll(() => watchersOf(paths)).toEqual([])
    expect(await count(store)).toBe(0)
    await store.close()
    await expectStopped(paths)
  })

  test('processes that open and close the database all the time never fail', async () => {
    const { home, paths } = await makeHome()
    const visit = async () => {
      for (let visits = 0; visits < 6; visits++) {
        const store = await open(home)
        expect(await count(store, 'graft.migrations')).toBeGreaterThan(0)
        await store.close()
      }
    }
    const others = [start('open', home), start('open', home)]
    await Promise.all([visit(), visit(), visit()])
    for (const { ended, lines } of others) {
      await ended
      expect(lines).toEqual(['open', 'closed'])
    }
    await expectStopped(paths)
  })

  test('files that a killed machine left behind do not keep the server from starting', async () => {
    const { home, paths } = await makeHome()
    await (await open(home)).close()
    // The id is that of a process that runs, but is not the server.
    writeFileSync(paths.pid, `${process.pid}\n${paths.data}\n1\n5432\n../run\n\n 1 1\nready   \n`)
    const { run } = paths
    const store = await open(home)
    await store.close()
    expect(existsSync(run)).toBe(false)
    writeFileSync(paths.pid, '')
    writeFileSync(`${paths.root}/lock`, '')
    await (await open(home)).close()
  })

  test('a database whose creation was killed is created again', async () => {
    const { home, paths } = await makeHome(emptyPlace)
    const partials = () => globSync(join(paths.root, 'partial-*'))
    const creator = start('open', home)
    await expect.poll(() => partials().length, { timeout: 60_000, interval: 5 }).toBe(1)
    creator.child.kill('SIGKILL')
    await creator.ended
    expect(creator.lines).toEqual([])
    const store = await open(home)
    expect(await count(store, 'graft.migrations')).toBeGreaterThan(0)
    expect(partials()).toEqual([])
  })

  test('a home may have a longer path than a socket', async () => {
    const short = await makeHome()
    const home = join((await makeHome(emptyPlace)).home, 'x'.repeat(120))
    renameSync(short.home, home)
    const store = await open(home)
    expect(await count(store)).toBe(0)
    await store.close()
    await expectStopped(pathsOf(home))
  })

  test('the server flushes every commit, needs little memory and listens on no port', async () => {
    const store = await open((await makeHome()).home)
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'shared_buffers']
    const query = sql.raw(`select ${names.map((name) => `current_setting('${name}') as ${name}`).join()}`)
    const { rows } = (await store.db.execute(query)) as unknown as { rows: unknown[] }
    expect(rows).toEqual([
      { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', listen_addresses: '', shared_buffers: '16MB' },
    ])
  })

  test('a database of another major version of PostgreSQL is refused', async () => {
    const { home, paths } = await makeHome()
    writeFileSync(join(paths.data, 'PG_VERSION'), '17\n')
    await expect(openStore({ databaseUrl: '', home })).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: { expected: 'the format of PostgreSQL 18', found: 'that of PostgreSQL 17' },
    })
  })

  test('the error of a server that cannot start says why', async () => {
    const { home, paths } = await makeHome()
    rmSync(join(paths.data, 'global', 'pg_control'))
    await expect(openStore({ databaseUrl: '', home })).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: { problem: expect.stringContaining('pg_control') },
    })
    await expectStopped(paths)
  })
})
