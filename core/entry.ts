import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(import.meta.url)

/** The folder of the package: the nearest above this file that holds a package.json. */
export const packageRoot: string = rootAbove(dirname(here))

/** The file that runs as a thread or process of its own, `graph/runtime/worker` say: its source, or its bundle where this code is bundled. */
export function entryFile(name: string): string {
  return here.endsWith('.ts') ? join(packageRoot, `${name}.ts`) : join(packageRoot, 'dist', `${name}.js`)
}

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('Graft was moved out of its package: no package.json above it')
  return rootAbove(parent)
}
