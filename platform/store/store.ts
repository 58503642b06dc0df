import type { PGlite } from '@electric-sql/pglite'
import type { Pool } from 'pg'
import type { Database } from './database.ts'

/** The underlying connection, for a library that needs it, such as a queue in the same database. */
export type StoreClient =
  | { readonly kind: 'pglite'; readonly pglite: PGlite }
  | { readonly kind: 'postgres'; readonly pool: Pool; readonly url: string }

export interface Store {
  readonly db: Database
  readonly client: StoreClient
  /** Commits everything that is done with the handle, or rolls it back if the promise is rejected. */
  transaction<T>(work: (tx: Database) => Promise<T>): Promise<T>
  /** Makes all writes so far durable. PostgreSQL does that with every commit, PGlite at an interval. */
  flush(): Promise<void>
  close(): Promise<void>
}
