import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../../core/file-lock.ts'

/** Folders in which slices train, `<home>/work/<worker>/<name>`. */
export interface Workspaces {
  /** Where a slice may make a folder. */
  pathOf(name: string): string
  /** Removes them all. */
  close(): void
}

const rootIn = (home: string): string => join(home, 'work')

/** @returns a place of this worker's own */
export function openWorkspaces(home: string): Workspaces {
  const root = rootIn(home)
  mkdirSync(root, { recursive: true })
  sweepWorkspaces(home)
  const { mine, unlock } = own(root)
  return {
    pathOf: (name) => join(mine, name),
    close() {
      rmSync(mine, { recursive: true, force: true })
      rmSync(lockOf(mine), { force: true })
      unlock()
    },
  }
}

const lockOf = (folder: string): string => `${folder}.lock`

/** The lock first: a folder without one is nobody's. */
function own(root: string): { mine: string; unlock: () => void } {
  for (;;) {
    const mine = join(root, randomUUID())
    // Another worker's sweep may be as quick.
    const unlock = lockFile(lockOf(mine))
    if (unlock) return { mine, unlock }
  }
}

/** Removes the folders of workers that ended without removing theirs, and what their training processes wrote there afterwards. */
export function sweepWorkspaces(home: string): void {
  const root = rootIn(home)
  for (const name of new Set(readdirSync(root).map((entry) => entry.replace(/\.lock(-journal)?$/, '')))) {
    const folder = join(root, name)
    const unlock = lockFile(lockOf(folder))
    if (!unlock) continue
    rmSync(folder, { recursive: true, force: true })
    rmSync(lockOf(folder), { force: true })
    unlock()
  }
}
