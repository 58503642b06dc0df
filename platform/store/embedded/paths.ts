import { join } from 'node:path'

/** The files of the database server of a home. */
export interface ServerPaths {
  readonly root: string
  /** The database itself, in PostgreSQL's format. */
  readonly data: string
  /** Files of the running server. Removed when it stops, and created again when it starts. */
  readonly run: string
  /** A FIFO whose reading end every process of the server holds. */
  readonly alive: string
  /** A FIFO whose writing end every process of Graft holds that uses the server. The watcher reads it. */
  readonly users: string
  /** The messages of the server since it started. */
  readonly log: string
  /** Locked by a process that starts, joins or leaves the server. */
  readonly lock: string
  /** Locked by a process that opens the database. Outside of `root`, because there may be none yet. */
  readonly opening: string
  /** Written by the server: its process id and status. */
  readonly pid: string
}

export function pathsOf(home: string): ServerPaths {
  const root = join(home, 'postgres')
  const [data, run] = [join(root, 'data'), join(root, 'run')]
  return {
    root,
    data,
    run,
    alive: join(run, 'alive'),
    users: join(run, 'users'),
    log: join(run, 'log'),
    lock: join(root, 'lock'),
    opening: join(home, 'opening.lock'),
    pid: join(data, 'postmaster.pid'),
  }
}
