import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Surroundings } from './query-child.ts'

/** A file that names a Vulkan driver, and what is wrong with it. */
export interface DriverManifest {
  path: string
  /** The driver's library, as the file has it. */
  library?: string
  fault?: string
}

/**
 * The files that Vulkan's loader reads: those of VK_DRIVER_FILES or its older name VK_ICD_FILENAMES, which replace all others, or else those
 * of the system's folders.
 * @see https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
 */
export function vulkanDrivers({ env, root }: Pick<Surroundings, 'env' | 'root'>): {
  variable?: string
  manifests: DriverManifest[]
} {
  const variable = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => env[name])
  if (variable) {
    const paths = (env[variable] as string).split(':').filter(Boolean)
    return { variable, manifests: paths.flatMap((path) => (isFolder(path) ? inFolder(path) : [path])).map(manifest) }
  }
  const home = env.HOME ? [join(env.HOME, '.local/share')] : []
  const data = (env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':').filter(Boolean)
  const folders = [...home, '/etc', ...data].map((folder) => `${root}${folder}/vulkan/icd.d`)
  return { manifests: [...new Set(folders)].flatMap(inFolder).map(manifest) }
}

function manifest(path: string): DriverManifest {
  if (!existsSync(path)) return { path, fault: 'there is no such file' }
  let library: unknown
  try {
    library = (JSON.parse(readFileSync(path, 'utf8')) as { ICD?: { library_path?: unknown } })?.ICD?.library_path
  } catch (error) {
    return { path, fault: `it cannot be read (${(error as Error).message})` }
  }
  if (typeof library !== 'string') return { path, fault: 'it names no driver (ICD.library_path)' }
  // A bare name is looked up by the dynamic linker; a path is relative to the file.
  const file = library.includes('/') ? resolve(dirname(path), library) : undefined
  return {
    path,
    library,
    ...(file && !existsSync(file) && { fault: `it names the driver ${file}, which does not exist` }),
  }
}

const inFolder = (folder: string): string[] =>
  isFolder(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => join(folder, name))
    : []

function isFolder(path: string): boolean {
  try {
    readdirSync(path)
    return true
  } catch {
    return false
  }
}
