import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { lockFile } from '../../core/file-lock.ts'
import { makePrivate } from '../../platform/store/embedded/private-folder.ts'

// A running server writes its address to its home folder, for commands on the same machine, and holds a lock beside it
// as long as it runs. A server that was killed leaves the address behind, and by now another program may listen there,
// which must not receive requests and keys. It cannot leave the lock.

const ATTEMPTS = 20
const ATTEMPT_INTERVAL_MS = 50

const fileOf = (home: string): string => join(home, 'server.json')
const lockOf = (home: string): string => join(home, 'server.lock')

/** How processes on the same machine reach a server. */
export interface ServerAddress {
  url: string
  /** The key of the owner of the home, of a server that no one else may use. */
  key?: string
}

/** The place in a home for the address of one server. */
export interface Reservation {
  publish(address: ServerAddress): void
  withdraw(): void
}

/**
 * Publishes the address of this server in its home folder. If another server has published its own, that one stays:
 * both have the same store.
 * @returns a function that withdraws the address
 */
export async function publishAddress(home: string, url: string): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    const reservation = reserveAddress(home)
    if (reservation) {
      reservation.publish({ url })
      return reservation.withdraw
    }
    // A command that looks for a server holds the lock for a moment.
    if (attempt === ATTEMPTS) return () => {}
    await delay(ATTEMPT_INTERVAL_MS)
  }
}

/** Returns the place for the address, or undefined if another process has it or just looks at it. */
export function reserveAddress(home: string): Reservation | undefined {
  makePrivate(home)
  const unlock = lockFile(lockOf(home))
  if (!unlock) return undefined
  rmSync(fileOf(home), { force: true })
  return {
    publish(address) {
      const mode = address.key === undefined ? 0o644 : 0o600
      writeFileSync(fileOf(home), JSON.stringify({ ...address, pid: process.pid }), { mode })
    },
    withdraw() {
      rmSync(fileOf(home), { force: true })
      unlock()
    },
  }
}

/** Returns whether a process has reserved the address, or just looks at it. */
export function isReserved(home: string): boolean {
  const unlock = lockFile(lockOf(home))
  unlock?.()
  return unlock === undefined
}

/** Returns the address of the server that serves a home folder, or undefined if none is running. */
export async function findRunningServer(home: string): Promise<ServerAddress | undefined> {
  try {
    const { url, key } = JSON.parse(readFileSync(fileOf(home), 'utf8')) as ServerAddress
    if (!isReserved(home)) return undefined
    const { ok } = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(5000) })
    return ok ? { url, ...(key !== undefined && { key }) } : undefined
  } catch {
    return undefined
  }
}
