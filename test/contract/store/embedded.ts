import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { inject } from 'vitest'
import { openStore, type StoreOptions } from '../../../platform/store/open-store.ts'
import { openPglite } from '../../../platform/store/pglite/open-pglite.ts'
import type { Store } from '../../../platform/store/store.ts'
import { afterFile } from '../../after-file.ts'

/** A place for a store, which is empty at first. */
export interface Place {
  options: Required<Pick<StoreOptions, 'databaseUrl' | 'home'>>
  remove(): Promise<void>
}

/** Why the embedded database is PGlite on this machine. Empty if it is PostgreSQL. */
export const whyPglite: string = inject('whyPglite')

export async function emptyPlace(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'graft-store-'))
  return { options: { databaseUrl: '', home }, remove: () => rm(home, { recursive: true, force: true }) }
}

async function copiedPlace(template: string): Promise<Place> {
  const place = await emptyPlace()
  cpSync(template, place.options.home, { recursive: true })
  return place
}

/** Makes an embedded database without rows, by copying one, which is faster than creating it. */
export const embeddedPlace = (): Promise<Place> => copiedPlace(inject('embeddedTemplate'))

/** Makes a database of PGlite without rows. */
export const pglitePlace = (): Promise<Place> => copiedPlace(inject('pgliteTemplate'))

/**
 * Returns a function that opens a store once for all test files of the process. It has no rows when a file asks for it
 * first.
 */
function shareStore(open: () => Promise<Store>): () => Promise<Store> {
  let shared: Promise<Store> | undefined
  let isInUse = false
  return async () => {
    shared ??= open()
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
}

export const sharedEmbeddedStore = shareStore(async () => openStore((await embeddedPlace()).options))
export const sharedPgliteStore = shareStore(async () => openPglite((await pglitePlace()).options.home))

async function deleteAllRows({ db }: Store): Promise<void> {
  const query = sql`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'graft' and tablename <> 'migrations'`
  const { rows } = (await db.execute(query)) as unknown as { rows: { name: string }[] }
  await db.execute(sql.raw(`truncate ${rows.map(({ name }) => name).join(', ')}`))
}
