import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { openStore, type StoreOptions } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'

const server = process.env.GRAFT_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/test'

const asked = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Why PostgreSQL cannot be tested here; undefined where it can. */
const missing = await asked('select 1').then(
  () => undefined,
  (error: Error) => error.message || 'no answer',
)

/** Where a store may be, empty at first. */
export interface Place {
  options: Required<Pick<StoreOptions, 'databaseUrl' | 'home'>>
  remove(): Promise<void>
}

export async function emptyPlace(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'graft-store-'))
  return { options: { databaseUrl: '', home }, remove: () => rm(home, { recursive: true, force: true }) }
}

/** The embedded database without rows: a copy, since making one takes seconds. */
export async function embeddedPlace(): Promise<Place> {
  const place = await emptyPlace()
  await cp(inject('embeddedTemplate'), place.options.home, { recursive: true })
  return place
}

/** A database of its own on the server. */
export async function postgresPlace(): Promise<Place> {
  const name = `graft_test_${randomBytes(6).toString('hex')}`
  await asked(`create database ${name}`)
  const url = new URL(server)
  url.pathname = name
  return {
    options: { databaseUrl: url.href, home: '/nowhere' },
    remove: () => asked(`drop database ${name} with (force)`),
  }
}

/** Declares the same tests for PostgreSQL; skipped, and why in their name, where no server answers. */
export function describePostgres(declare: () => void): void {
  const why = missing === undefined ? '' : ` (skipped: nothing at ${new URL(server).host}, ${missing})`
  describe.skipIf(missing !== undefined)(`on PostgreSQL${why}`, declare)
}

/** Declares the same tests on both databases, each with one open store for all of them. */
export function onBothStores(declare: (store: () => Store) => void): void {
  describe('on the embedded database', () => declare(opened(emptyPlace)))
  describePostgres(() => declare(opened(postgresPlace)))
}

function opened(make: () => Promise<Place>): () => Store {
  let place: Place
  let store: Store
  beforeAll(async () => {
    place = await make()
    store = await openStore(place.options)
  })
  afterAll(async () => {
    await store?.close()
    await place?.remove()
  })
  return () => store
}
