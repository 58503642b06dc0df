import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { type MigrationConfig, readMigrationFiles } from 'drizzle-orm/migrator'
import { packageRoot } from '../../core/entry.ts'
import { fail } from '../../core/errors.ts'
import type { Database } from './database.ts'

/** Where they lie in the sources and in the package alike. */
const config: MigrationConfig = {
  migrationsFolder: join(packageRoot, 'migrations'),
  migrationsSchema: 'graft',
  migrationsTable: 'migrations',
}

/** Any number that no other program takes for its own advisory lock. */
const LOCK = 0x67726166

/**
 * Brings the tables up to date. Processes that start at once do it one after the other.
 * @param db one connection: the lock belongs to it
 * @throws GraftError `store_newer` where a later Graft was here
 */
export async function migrate(
  db: Database,
  run: (config: MigrationConfig) => Promise<void>,
  subject: string,
): Promise<void> {
  if (!existsSync(config.migrationsFolder)) throw new Error(`no folder ${config.migrationsFolder}`)
  await db.execute(sql`select pg_advisory_lock(${sql.raw(String(LOCK))})`)
  try {
    await refuseNewer(db, subject)
    await run(config)
  } finally {
    await db.execute(sql`select pg_advisory_unlock(${sql.raw(String(LOCK))})`)
  }
}

/** An older Graft would write rows that the newer one's tables do not mean. */
async function refuseNewer(db: Database, subject: string): Promise<void> {
  const first = await rows<{ there: boolean }>(db, sql`select to_regclass('graft.migrations') is not null as there`)
  if (!first[0].there) return
  const [{ last }] = await rows<{ last: string | number | null }>(
    db,
    sql`select max(created_at) as last from graft.migrations`,
  )
  const ours = Math.max(...readMigrationFiles(config).map(({ folderMillis }) => folderMillis))
  if (Number(last ?? 0) <= ours) return
  fail('store_newer', {
    subject,
    expected: `tables of ${new Date(ours).toISOString()} at most`,
    found: `tables of ${new Date(Number(last)).toISOString()}`,
    fix: 'Update Graft: a later version has used this database.',
  })
}

/** Both drivers answer with `rows`; their common type does not say so. */
const rows = async <T>(db: Database, query: ReturnType<typeof sql>): Promise<T[]> =>
  ((await db.execute(query)) as unknown as { rows: T[] }).rows
