import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { hasReader, openReader } from './fifo.ts'
import type { Launcher } from './launcher.ts'
import type { ServerPaths } from './paths.ts'
import { giveTo, makePrivate } from './private-folder.ts'
import { StartFailed } from './start-failed.ts'

const POLL_INTERVAL_MS = 10
/** A recovery after a crash replays at most `max_wal_size`. */
const READY_WITHIN_MS = 120_000
const MKFIFO_TIMEOUT_MS = 120_000
const MAXIMUM_LOG_LINES = 6
/** A segment of the write-ahead log, as createData sets it. */
const SEGMENT_BYTES = 4 * 2 ** 20

/** A small server for one machine. It listens only on a socket in its `run` folder, and flushes every commit. */
const SETTINGS = {
  // Relative to the data, so that the path has no limit here.
  unix_socket_directories: '../run',
  unix_socket_permissions: '0700',
  listen_addresses: '',
  shared_buffers: '16MB',
  io_method: 'sync',
  huge_pages: 'off',
  max_wal_size: '64MB',
  min_wal_size: '16MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log has the reasons of a failed start. Callers get the errors of statements.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
}

/** Returns whether any process of the server runs, even if it only starts or stops. */
export const isRunning = ({ alive }: ServerPaths): boolean => hasReader(alive)

/**
 * Starts the server. Call it only if {@link isRunning} is false, with the lock.
 * @throws StartFailed
 */
export async function startServer(paths: ServerPaths, { command, options }: Launcher): Promise<void> {
  rmSync(paths.run, { recursive: true, force: true })
  makePrivate(paths.run)
  giveTo(paths.run, options)
  // A copy has the modes of the program that made it, and PostgreSQL refuses a folder that others can read.
  makePrivate(paths.data)
  await makeFifos(paths, options)
  // Its process is gone, and another may have its id.
  rmSync(paths.pid, { force: true })
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [file, ...args] = command('postgres', '-D', paths.data, ...settings)
  const alive = openReader(paths.alive)
  const log = openSync(paths.log, 'a', 0o600)
  try {
    // In a session of its own, so that Ctrl-C and a closed terminal do not reach it.
    const server = spawn(file, args, { ...options, cwd: paths.root, detached: true, stdio: [alive, log, log] })
    server.unref()
    await new Promise<void>((resolve, reject) => {
      server.once('spawn', resolve)
      server.once('error', (error) => reject(new StartFailed(error.message)))
    })
  } finally {
    closeSync(alive)
    closeSync(log)
  }
}

async function makeFifos({ alive, users, root }: ServerPaths, options: Launcher['options']): Promise<void> {
  await promisify(execFile)('mkfifo', ['-m', '600', alive, users], {
    ...options,
    cwd: root,
    timeout: MKFIFO_TIMEOUT_MS,
  }).catch((error: Error) => {
    throw new StartFailed(error.message)
  })
}

/**
 * Waits while the server starts or stops.
 * @returns its process id once it accepts connections, or undefined if it has exited
 * @throws StartFailed if it does neither for two minutes
 */
export async function waitForServer(paths: ServerPaths): Promise<number | undefined> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (isRunning(paths)) {
    const lines = readLines(paths.pid)
    if (lines[7]?.trim() === 'ready') return Number(lines[0])
    if (Date.now() > deadline) throw new StartFailed(`it is not ready after two minutes: ${lastLines(paths)}`)
    await sleep(POLL_INTERVAL_MS)
  }
  return undefined
}

/** Waits until the server has stopped, or for a while. */
export async function waitUntilStopped(paths: ServerPaths, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; isRunning(paths); await sleep(POLL_INTERVAL_MS))
    if (Date.now() > deadline) return false
  return true
}

/** Returns the end of the server's log as one line: the errors, if there are any. */
function lastLines({ log }: ServerPaths): string {
  // Each line begins with the time and the process.
  const lines = readLines(log).map((line) => line.replace(/^.*?(?=[A-Z]+: )/, '').trim())
  const errors = lines.filter((line) => line && !/^(LOG|HINT|NOTICE|WARNING|CONTEXT|STATEMENT):/.test(line))
  return (errors.length > 0 ? errors : lines).slice(-MAXIMUM_LOG_LINES).join(' ').replace(/\s+/g, ' ').trim()
}

/** Returns why the server stopped while it started. On a full disk there may be no room for its log either. */
export function reasonOfStop(paths: ServerPaths): string {
  const { bavail, bsize } = statfsSync(paths.root)
  const isFull = bavail * bsize < SEGMENT_BYTES
  return [lastLines(paths), isFull && 'no space left on device'].filter(Boolean).join('; ')
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
