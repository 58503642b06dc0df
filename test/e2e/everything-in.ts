import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Every file and folder, with what it holds. */
export function everythingIn(folder: string): [string, string][] {
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
