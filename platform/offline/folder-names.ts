import { basename, resolve } from 'node:path'

/**
 * Returns a name for each adapter's folder: the name of the folder, with a number if an earlier folder has the same
 * name. The second `x` becomes `x-2`.
 */
export function folderNames(folders: readonly string[]): string[] {
  const taken = new Set<string>()
  return folders.map((folder) => {
    const name = basename(resolve(folder))
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}-${i}`
    taken.add(free)
    return free
  })
}
