import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { HostEnvironment } from './query-child.ts'

/** A file that describes a Vulkan driver. */
export interface DriverManifest {
  path: string
  /** The library of the driver, as written in the file. */
  library?: string
  /** The reason that the driver cannot be used. Not set if the file is valid. */
  problem?: string
}

/**
 * Finds the manifests that the Vulkan loader reads. If VK_DRIVER_FILES or its older name VK_ICD_FILENAMES is set, the
 * loader reads only the files that it names; otherwise it reads those in the folders of the system.
 * @see https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
 */
export function findVulkanDrivers({ env, root }: Pick<HostEnvironment, 'env' | 'root'>): {
  variable?: string
  manifests: DriverManifest[]
} {
  const variable = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => env[name])
  if (variable) {
    const paths = (env[variable] as string).split(':').filter(Boolean)
    return {
      variable,
      manifests: paths.flatMap((path) => (isFolder(path) ? manifestsIn(path) : [path])).map(readManifest),
    }
  }
  const home = env.HOME ? [join(env.HOME, '.local/share')] : []
  const data = (env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':').filter(Boolean)
  const folders = [...home, '/etc', ...data].map((folder) => `${root}${folder}/vulkan/icd.d`)
  return { manifests: [...new Set(folders)].flatMap(manifestsIn).map(readManifest) }
}

function readManifest(path: string): DriverManifest {
  if (!existsSync(path)) return { path, problem: 'the file does not exist' }
  let library: unknown
  try {
    library = (JSON.parse(readFileSync(path, 'utf8')) as { ICD?: { library_path?: unknown } })?.ICD?.library_path
  } catch (error) {
    return { path, problem: `the file cannot be read (${(error as Error).message})` }
  }
  if (typeof library !== 'string') return { path, problem: 'the file names no driver (ICD.library_path)' }
  // The dynamic linker searches for a bare name. A path is relative to the manifest.
  const file = library.includes('/') ? resolve(dirname(path), library) : undefined
  return {
    path,
    library,
    ...(file && !existsSync(file) && { problem: `the file names the driver ${file}, which does not exist` }),
  }
}

const manifestsIn = (folder: string): string[] =>
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
