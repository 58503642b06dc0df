import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { fail } from '../../core/errors.ts'
import { type UploadFile, withUploadFile } from './upload-file.ts'
import { openWorkspaces, sweepWorkspaces, type Workspaces } from './workspaces.ts'

/** Folders and files in which uploads are checked before anything of them is stored. */
export interface Uploads {
  /**
   * Does work that may create the folder at a path. The folder is removed afterwards.
   * @throws GraftError `overloaded` if too many are in use
   */
  withFolder<T>(work: (path: string) => Promise<T>): Promise<T>
  /** Does work with an empty file. The file disappears afterwards. */
  withFile<T>(work: (file: UploadFile) => Promise<T>): Promise<T>
  close(): void
}

/** Unpacked archives may be large, and only one is checked at a time. */
const MAX_FOLDERS = 4

/**
 * Removes the folders of processes that exited, and opens those of this one.
 * @param home the home folder, on a disk of this machine. Nothing is written there before the first upload
 */
export function openUploads(home: string): Uploads {
  sweepWorkspaces(home)
  let workspaces: Workspaces | undefined
  let inUse = 0
  return {
    async withFolder(work) {
      if (inUse >= MAX_FOLDERS)
        fail('overloaded', {
          subject: 'the server',
          problem: `is already unpacking ${MAX_FOLDERS} archives`,
          fix: 'Try again in a moment.',
        })
      inUse++
      try {
        workspaces ??= openWorkspaces(home)
        const path = workspaces.pathOf(randomUUID())
        try {
          return await work(path)
        } finally {
          await rm(path, { recursive: true, force: true })
        }
      } finally {
        inUse--
      }
    },
    withFile(work) {
      workspaces ??= openWorkspaces(home)
      return withUploadFile(workspaces.pathOf('files'), work)
    },
    close: () => workspaces?.close(),
  }
}
