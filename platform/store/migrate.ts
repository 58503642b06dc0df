import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { type MigrationConfig, readMigrationFiles } from 'drizzle-orm/migrator'
import { packageRoot } from '../../core/entry.ts'
import { fail } from '../../core/errors.ts'
import type { Database } from './database.ts'

/** The folder has the same place in the sources and in the package. */
const config: MigrationConfig = {
  migrationsFolder: join(packageRoot, 'migrations'),
  migrationsSchema: 'graft',
  migrationsTable: 'migrations',
}

/** The key of an advisory lock: a number that no other program uses. */
const MIGRATION_LOCK = 0x67726166

/**
 * Migrates the tables. Processes that start at the same time do it one after the other.
 * @param db a single connection, because the lock belongs to it
 * @param subject the name of the database in errors
 * @throws GraftError `store_newer` if a later version of Graft has migrated the tables
 */
export async function migrate(
  db: Database,
  run: (config: MigrationConfig) => Promise<void>,
  subject: string,
): Promise<void> {
  if (!existsSync(config.migrationsFolder)) throw new Error(`the folder ${config.migrationsFolder} does not exist`)
  await db.execute(sql`select pg_advisory_lock(${sql.raw(String(MIGRATION_LOCK))})`)
  try {
    await requireNotNewer(db, subject)
    await run(config)
  } finally {
    await db.execute(sql`select pg_advisory_unlock(${sql.raw(String(MIGRATION_LOCK))})`)
  }
}

/** Refuses tables of a later version, because this version could write rows that mean something else there. */
async function requireNotNewer(db: Database, subject: string): Promise<void> {
  const [{ exists }] = await selectRows<{ exists: boolean }>(
    db,
    sql`select to_regclass('graft.migrations') is not null as exists`,
  )
  if (!exists) return
  const [{ last }] = await selectRows<{ last: string | number | null }>(
    db,
    sql`select max(created_at) as last from graft.migrations`,
  )
  const newestKnown = Math.max(...readMigrationFiles(config).map(({ folderMillis }) => folderMillis))
  if (Number(last ?? 0) <= newestKnown) return
  fail('store_newer', {
    subject,
    expected: `tables of ${new Date(newestKnown).toISOString()} or earlier`,
    found: `tables of ${new Date(Number(last)).toISOString()}`,
    fix: 'Update Graft. A later version has used this database.',
  })
}

/** Returns the rows of a query. Both drivers have them, although their common type does not say so. */
const selectRows = async <T>(db: Database, query: ReturnType<typeof sql>): Promise<T[]> =>
  ((await db.execute(query)) as unknown as { rows: T[] }).rows
