import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../../core/file-lock.ts'

/** Folders for files that exist only while something works with them: `<home>/work/<owner>/<name>`. */
export interface Workspaces {
  /** Returns the path of a folder that may be created. */
  pathOf(name: string): string
  /** Removes all folders of this owner. */
  close(): void
}

const workFolderOf = (home: string): string => join(home, 'work')

/** Creates the workspaces of one owner, and removes those of owners that exited. */
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
    // A sweep by another process may hold this lock for a moment.
    const unlock = lockFile(lockPathOf(folder))
    if (unlock) return { folder, unlock }
  }
}

/**
 * Removes the folders that exited owners left behind, with anything that their training processes wrote there later.
 */
export function sweepWorkspaces(home: string): void {
  const root = workFolderOf(home)
  if (!existsSync(root)) return
  for (const name of new Set(readdirSync(root).map((entry) => entry.replace(/\.lock(-journal)?$/, '')))) {
    const folder = join(root, name)
    const unlock = lockFile(lockPathOf(folder))
    if (!unlock) continue
    rmSync(folder, { recursive: true, force: true })
    rmSync(lockPathOf(folder), { force: true })
    unlock()
  }
}
