import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../../core/file-lock.ts'

/** Folders in which slices train: `<home>/work/<worker>/<name>`. */
export interface Workspaces {
  /** Returns the path of a folder that a slice may create. */
  pathOf(name: string): string
  /** Removes all folders of this worker. */
  close(): void
}

const workFolderOf = (home: string): string => join(home, 'work')

/** Creates the workspaces of one worker, and removes the workspaces of workers that exited. */
export function openWorkspaces(home: string): Workspaces {
  const root = workFolderOf(home)
  mkdirSync(root, { recursive: true })
  sweepWorkspaces(home)
  const { folder, unlock } = claimFolder(root)
  return {
    pathOf: (name) => join(folder, name),
    close() {
      rmSync(folder, { recursive: true, force: true })
      rmSync(lockPathOf(folder), { force: true })
      unlock()
    },
  }
}

const lockPathOf = (folder: string): string => `${folder}.lock`

/** Locks the path of a new folder. The lock comes first, because a sweep removes folders that have none. */
function claimFolder(root: string): { folder: string; unlock: () => void } {
  for (;;) {
    const folder = join(root, randomUUID())
    // The sweep of another worker may hold this lock for a moment.
    const unlock = lockFile(lockPathOf(folder))
    if (unlock) return { folder, unlock }
  }
}

/**
 * Removes the folders that exited workers left behind, with anything that their training processes wrote there later.
 */
export function sweepWorkspaces(home: string): void {
  const root = workFolderOf(home)
  for (const name of new Set(readdirSync(root).map((entry) => entry.replace(/\.lock(-journal)?$/, '')))) {
    const folder = join(root, name)
    const unlock = lockFile(lockPathOf(folder))
    if (!unlock) continue
    rmSync(folder, { recursive: true, force: true })
    rmSync(lockPathOf(folder), { force: true })
    unlock()
  }
}
