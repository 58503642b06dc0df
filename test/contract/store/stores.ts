import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { beforeAll, describe } from 'vitest'
import { openStore } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'
import { afterFile } from '../../after-file.ts'
import { peersHidden } from '../../peers.ts'
import { type Place, sharedEmbeddedStore, sharedPgliteStore, whyPglite } from './embedded.ts'

const server = process.env.GRAFT_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/test'

const runSql = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The reason why PostgreSQL cannot be tested here. Undefined if it can. */
const unavailable = peersHidden
  ? 'hidden by GRAFT_TEST_NO_PEERS'
  : await runSql('select 1').then(
      () => undefined,
      (error: Error) => error.message || 'no answer',
    )

/** Makes a new database on the server. */
export async function postgresPlace(): Promise<Place> {
  const name = `graft_test_${randomBytes(6).toString('hex')}`
  await runSql(`create database ${name}`)
  const url = new URL(server)
  url.pathname = name
  return {
    options: { databaseUrl: url.href, home: '/nowhere' },
    remove: () => runSql(`drop database ${name} with (force)`),
  }
}

/** Declares the same tests for PostgreSQL; skipped, and why in their name, where no server answers. */
export function describePostgres(declare: () => void): void {
  const why = unavailable === undefined ? '' : ` (skipped: nothing at ${new URL(server).host}, ${unavailable})`
  describe.skipIf(unavailable !== undefined)(`on PostgreSQL${why}`, declare)
}

/** Declares the same tests for every database. All tests of one database share an open store. */
export function onEveryStore(declare: (store: () => Store) => void): void {
  describe('on PGlite', () => declare(openForTests(sharedPgliteStore)))
  describeEmbedded(() => declare(openForTests(sharedEmbeddedStore)))
  describePostgres(() => declare(openForTests(openPostgresStore)))
}

/** Declares tests for the PostgreSQL server of a home; skipped, and why in their name, where it cannot run. */
export function describeEmbedded(declare: () => void): void {
  const why = whyPglite && ` (skipped: ${whyPglite})`
  describe.skipIf(whyPglite !== '')(`on the embedded PostgreSQL${why}`, declare)
}

function openForTests(open: () => Promise<Store>): () => Store {
  let store: Store
  beforeAll(async () => {
    store = await open()
  })
  return () => store
}

/** Opens a new database on the server until the test file ends. */
async function openPostgresStore(): Promise<Store> {
  const place = await postgresPlace()
  const store = await openStore(place.options)
  afterFile(async () => {
    await store.close()
    await place.remove()
  })
  return store
}
