import { randomBytes } from 'node:crypto'
import pg from 'pg'

const server = process.env.GRAFT_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/test'

async function query(url: string, text: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rowCount ?? 0
  } finally {
    await client.end()
  }
}

/** Creates a database on the PostgreSQL server, or returns an empty URL, which stands for the embedded database. */
export async function createScratchDatabase(onPostgres: boolean): Promise<{ url: string; remove(): Promise<unknown> }> {
  if (!onPostgres) return { url: '', remove: async () => {} }
  const name = `graft_bench_${randomBytes(6).toString('hex')}`
  await query(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = name
  return { url: url.href, remove: () => query(server, `drop database ${name} with (force)`) }
}

/** Closes all other connections to a database. @returns whether there were any */
export const killConnections = async (url: string): Promise<boolean> =>
  (await query(
    url,
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )) > 0
