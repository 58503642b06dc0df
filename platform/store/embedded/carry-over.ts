import { renameSync } from 'node:fs'
import { dirname } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import type pg from 'pg'
import { syncFolder } from '../../../core/durable.ts'
import { openPglite } from '../pglite/open-pglite.ts'
import { pgliteFolder } from '../pglite/pglite-folder.ts'

/** Rows that are copied at a time. A row can be large. */
const BATCH_ROWS = 50

/**
 * Copies the rows of a PGlite database in the same home to the server, in one transaction, and renames its folder. The
 * queue is not copied, because workers write its jobs again. Call it with the lock of processes that open the database.
 * @throws GraftError `store_locked` if a process still uses the PGlite database
 */
export async function carryOver(home: string, pool: pg.Pool): Promise<void> {
  const folder = pgliteFolder(home)
  const client = await pool.connect()
  try {
    const source = await openPglite(home)
    try {
      await copyTables((source.client as { pglite: PGlite }).pglite, client)
    } finally {
      await source.close()
    }
    const kept = `${folder}.pglite-${Date.now()}`
    renameSync(folder, kept)
    syncFolder(dirname(folder))
    process.stderr.write(`graft: the database moved from PGlite to PostgreSQL. The old files are in ${kept}.\n`)
  } finally {
    // Closing the connection rolls back a copy that failed.
    client.release(true)
  }
}

async function copyTables(source: PGlite, target: pg.PoolClient): Promise<void> {
  const { rows } = await target.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname = 'graft' and tablename <> 'migrations' order by 1`,
  )
  await target.query('begin')
  // Rows may come before those that they refer to.
  await target.query('set local session_replication_role = replica')
  for (const { name } of rows) {
    const { rowCount } = await target.query(`select from ${name} limit 1`)
    // A process that was stopped before it renamed the folder has copied everything.
    if (rowCount) return
  }
  for (const { name } of rows) await copyTable(source, target, name)
  await target.query('commit')
}

/** Copies rows as JSON, which has every value of these tables exactly. */
async function copyTable(source: PGlite, target: pg.PoolClient, name: string): Promise<void> {
  await source.transaction(async (tx) => {
    await tx.exec(`declare copied cursor for select to_json(t)::text as row from ${name} t`)
    for (;;) {
      const { rows } = await tx.query<{ row: string }>(`fetch ${BATCH_ROWS} from copied`)
      if (rows.length === 0) return
      const batch = `[${rows.map(({ row }) => row).join()}]`
      await target.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1)`, [batch])
    }
  })
}
