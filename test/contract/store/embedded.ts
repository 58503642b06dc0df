import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { inject } from 'vitest'
import { openStore, type StoreOptions } from '../../../platform/store/open-store.ts'
import type { Store } from '../../../platform/store/store.ts'
import { afterFile } from '../../after-file.ts'

/** A place for a store, which is empty at first. */
export interface Place {
  options: Required<Pick<StoreOptions, 'databaseUrl' | 'home'>>
  remove(): Promise<void>
}

export async function emptyPlace(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'graft-store-'))
  return { options: { databaseUrl: '', home }, remove: () => rm(home, { recursive: true, force: true }) }
}

/** Makes an embedded database without rows, by copying one, because creating one takes seconds. */
export async function embeddedPlace(): Promise<Place> {
  const place = await emptyPlace()
  cpSync(inject('embeddedTemplate'), place.options.home, { recursive: true })
  return place
}

let shared: Promise<Store> | undefined
let isInUse = false

/** Returns an embedded store that is open until the process ends. It has no rows when a test file asks for it first. */
export async function sharedEmbeddedStore(): Promise<Store> {
  shared ??= embeddedPlace().then(({ options }) => openStore(options))
  const store = await shared
  if (!isInUse) {
    isInUse = true
    afterFile(async () => {
      isInUse = false
      await deleteAllRows(store)
    })
  }
  return store
}

async function deleteAllRows({ db }: Store): Promise<void> {
  const query = sql`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'graft' and tablename <> 'migrations'`
  const { rows } = (await db.execute(query)) as unknown as { rows: { name: string }[] }
  await db.execute(sql.raw(`truncate ${rows.map(({ name }) => name).join(', ')}`))
}
