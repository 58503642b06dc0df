import { existsSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(import.meta.url)

/** The folder of the package: the nearest folder above this file that contains a package.json. */
export const packageRoot: string = findPackageRoot(dirname(here))

/**
 * Returns the path of a file that runs as a thread or process: its source, or its bundle if this code is bundled.
 * @param name the path in the package without the extension, such as `graph/runtime/worker`
 */
export function entryFile(name: string): string {
  // The bundle of the same build, even if there is a newer one.
  const build = buildFolder()
  return build === undefined ? join(packageRoot, `${name}.ts`) : join(build, `${name}.js`)
}

/** The folder of the build that this code is bundled in; undefined if it runs from its sources. */
export function buildFolder(): string | undefined {
  if (here.endsWith('.ts')) return undefined
  const dist = join(packageRoot, 'dist')
  return join(dist, relative(dist, here).split(sep)[0])
}

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder)
    throw new Error(`Graft cannot find its package.json in ${dirname(here)} or any folder above it`)
  return findPackageRoot(parent)
}
