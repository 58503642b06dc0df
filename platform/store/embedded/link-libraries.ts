import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * Makes the links between PostgreSQL's libraries, unless they are there. A package cannot contain links, so this one
 * lists them in a file. Its install script would make them, but npm does not always run it.
 * @param folder the folder of the programs in the package
 */
export function linkLibraries(folder: string): void {
  const list = join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const root = dirname(folder)
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target)
    // An image leaves out the libraries that the server does not use.
    if (existsSync(link) || !existsSync(join(root, source))) continue
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Another process has just made it.
      if (code !== 'EEXIST') throw error
    }
  }
}
