import { closeSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { hasWriter, isConnected, openReader, openWriter } from './fifo.ts'
import type { Launcher } from './launcher.ts'
import { withLock } from './lock.ts'
import type { ServerPaths } from './paths.ts'
import { isRunning, reasonOfStop, startServer, waitForServer, waitUntilStopped } from './server.ts'
import { StartFailed } from './start-failed.ts'
import { startWatcher } from './watcher.ts'

const POLL_INTERVAL_MS = 10
const JOINED_WITHIN_MS = 30_000
const STOPPED_WITHIN_MS = 30_000
/** A server that cannot start, for example because the disk is full, is not tried again for each query. */
const PAUSE_AFTER_FAILURE_MS = 1_000
/** The SQLSTATE of a server that answers, although it has no room. */
const TOO_MANY_CONNECTIONS = '53300'

/** This process as one of those that use the server. */
export interface Supervisor {
  /**
   * Starts the server if it does not run, and makes this process one of its users. Costs almost nothing if it is one.
   * @throws StartFailed
   */
  ensure(): Promise<void>
  /** Makes the next {@link ensure} look at the server again. */
  distrust(): void
  /** Ends the use of the server. The last process waits until the server has stopped. */
  leave(): Promise<void>
}

/** @param client the connection settings of the server */
export function superviseServer(paths: ServerPaths, launcher: Launcher, client: pg.ClientConfig): Supervisor {
  /** The writing end of `users`, by which this process counts as a user. */
  let membership: number | undefined
  let isTrusted = false
  let joining: Promise<void> | undefined
  let failure = { error: new Error(), until: 0 }

  const isMember = () => membership !== undefined && isConnected(membership, paths.users)
  const release = () => {
    if (membership !== undefined) closeSync(membership)
    membership = undefined
  }
  const become = async (server: number) => {
    if (isMember()) return
    release()
    membership = await joinUsers(paths, server)
  }

  async function start(): Promise<void> {
    let problem = ''
    for (const deadline = Date.now() + JOINED_WITHIN_MS; Date.now() < deadline; await sleep(POLL_INTERVAL_MS)) {
      const isMine = !isRunning(paths)
      if (isMine) await startServer(paths, launcher)
      const server = await waitForServer(paths)
      if (server === undefined && isMine) throw new StartFailed(reasonOfStop(paths))
      // It was about to stop when this process found it.
      if (server === undefined) continue
      await become(server)
      problem = await whyNoAnswer(client)
      if (!problem && isMember()) return
    }
    throw new StartFailed(`it does not answer: ${problem}`)
  }

  return {
    async ensure() {
      if (isTrusted && isMember()) return
      if (Date.now() < failure.until) throw failure.error
      joining ??= withLock(paths.lock, launcher.options, start)
        .catch((error) => {
          failure = { error, until: Date.now() + PAUSE_AFTER_FAILURE_MS }
          throw error
        })
        .finally(() => {
          joining = undefined
        })
      await joining
      isTrusted = true
    },
    distrust() {
      isTrusted = false
    },
    leave: () =>
      withLock(paths.lock, launcher.options, async () => {
        if (membership === undefined) return
        const server = await waitForServer(paths)
        if (server === undefined) return release()
        // Without a watcher, nothing would stop the server.
        await become(server)
        const users = openReader(paths.users)
        release()
        try {
          if (!hasWriter(users) && (await waitUntilStopped(paths, STOPPED_WITHIN_MS)))
            rmSync(paths.run, { recursive: true, force: true })
        } finally {
          closeSync(users)
        }
      }),
  }
}

/** Joins the users of a server, and starts its watcher if it has none. @returns the writing end of `users` */
async function joinUsers(paths: ServerPaths, server: number): Promise<number> {
  const joined = openWriter(paths.users)
  if (joined !== undefined) return joined
  // A FIFO can only be opened for writing while it has a reader.
  const reader = openReader(paths.users)
  const first = openWriter(paths.users) as number
  try {
    await startWatcher(paths, server)
    return first
  } catch (error) {
    closeSync(first)
    throw error
  } finally {
    closeSync(reader)
  }
}

/** Returns why the server does not answer, or an empty text if it does. */
async function whyNoAnswer(settings: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(settings)
  client.on('error', () => {})
  try {
    await client.connect()
    return ''
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    return code === TOO_MANY_CONNECTIONS ? '' : message
  } finally {
    await client.end().catch(() => {})
  }
}
