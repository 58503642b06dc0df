import { basename, resolve } from 'node:path'

/**
 * Returns a name for each adapter's folder: the name of the folder, with a number if an earlier folder has the same
 * name. The second `x` becomes `x-2`.
 */
export const folderNames = (folders: readonly string[]): string[] =>
  distinctNames(folders.map((folder) => basename(resolve(folder))))

/** Returns the names, with a number if an earlier or a taken one is the same. */
export function distinctNames(names: readonly string[], taken: readonly string[] = []): string[] {
  const all = new Set(taken)
  return names.map((name) => {
    let free = name
    for (let i = 2; all.has(free); i++) free = `${name}-${i}`
    all.add(free)
    return free
  })
}
