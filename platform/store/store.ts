import type { PGlite } from '@electric-sql/pglite'
import type { Pool } from 'pg'
import type { Database } from './database.ts'

/** The connection beneath, for a library that wants its own, such as a queue in the same database. */
export type StoreClient =
  | { readonly kind: 'embedded'; readonly pglite: PGlite }
  | { readonly kind: 'postgres'; readonly pool: Pool; readonly url: string }

export interface Store {
  readonly db: Database
  readonly client: StoreClient
  /** All or nothing of what is done with the handle; a rejected promise takes it back. */
  transaction<T>(work: (tx: Database) => Promise<T>): Promise<T>
  /** Puts what is written so far on the disk. PostgreSQL does that with every commit. */
  flush(): Promise<void>
  close(): Promise<void>
}
