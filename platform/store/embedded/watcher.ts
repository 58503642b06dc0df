import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerPaths } from './paths.ts'
import { StartFailed } from './start-failed.ts'

/**
 * Reads `users` until no process has its writing end, and then signals the server to stop. It does so before it closes
 * its own end, so a process that finds no reader knows that the signal was sent. A server that was started later has
 * another id.
 */
const SCRIPT = `{
  echo
  while read -r _; do :; done
  read -r pid <"$2" && [ "$pid" = "$3" ] && kill -INT "$pid"
} <"$1" 2>/dev/null`

/**
 * Starts a process that stops the server once no process of Graft uses it, even if they are all killed at once. This
 * process must hold both ends of `users`.
 * @param server the id of the server's process
 */
export async function startWatcher({ users, pid, root }: ServerPaths, server: number): Promise<void> {
  const watcher = spawn('/bin/sh', ['-c', SCRIPT, 'graft-database', users, pid, String(server)], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  watcher.unref()
  const failed = new Promise<never>((_, reject) => {
    watcher.once('error', (error) => reject(new StartFailed(error.message)))
    watcher.once('exit', () => reject(new StartFailed('the process that stops the database exited')))
  })
  failed.catch(() => {})
  // Its first line says that it has opened `users`.
  await Promise.race([once(watcher.stdout, 'data'), failed])
  watcher.stdout.destroy()
}
