import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Lists every file with its digest, and every folder. */
export function snapshotFolder(folder: string): [string, string][] {
  return globSync('**/*', { cwd: folder })
    .sort()
    .map((name) => {
      const path = join(folder, name)
      return [
        name,
        statSync(path).isDirectory() ? 'folder' : createHash('sha256').update(readFileSync(path)).digest('hex'),
      ]
    })
}
