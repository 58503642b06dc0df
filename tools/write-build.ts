import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The builds that stay, the new one included. */
const KEPT_BUILDS = 3

interface BuiltFile {
  /** The path in the build. */
  path: string
  contents: string | Uint8Array
}

/**
 * Writes a build into a folder of its own, completely or not at all, then makes the published paths lead to it. A
 * process that runs an older build keeps its files. Older builds are listed in .npmignore, and the oldest are removed.
 * @param dist the folder of all builds
 * @param published the paths of modules that others start or import in dist
 */
export function writeBuild(dist: string, files: readonly BuiltFile[], published: readonly string[]): void {
  const id = nameOf(files)
  const partial = join(dist, `partial-${process.pid}`)
  for (const { path, contents } of files) {
    mkdirSync(dirname(join(partial, path)), { recursive: true })
    writeFileSync(join(partial, path), contents)
  }
  if (existsSync(join(dist, id))) rmSync(partial, { recursive: true })
  else renameSync(partial, join(dist, id))
  for (const path of published) writeLink(dist, path, id)
  removeOldBuilds(dist, id)
}

/** Returns the name of a build, which depends only on its files. */
function nameOf(files: readonly BuiltFile[]): string {
  const hash = createHash('sha256')
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  for (const { path, contents } of sorted) hash.update(path).update(contents)
  return hash.digest('hex').slice(0, 12)
}

/** Writes a module that exports what the module of a build exports. */
function writeLink(dist: string, path: string, id: string): void {
  const target = `${'../'.repeat(path.split('/').length - 1) || './'}${id}/${path}`
  const link = join(dist, path)
  mkdirSync(dirname(link), { recursive: true })
  writeFileSync(`${link}.partial`, `export * from '${target}'\n`)
  renameSync(`${link}.partial`, link)
}

function removeOldBuilds(dist: string, id: string): void {
  const ageOf = (name: string) => -statSync(join(dist, name)).mtimeMs
  const others = readdirSync(dist)
    .filter((name) => /^[0-9a-f]{12}$/.test(name) && name !== id)
    .sort((a, b) => ageOf(a) - ageOf(b))
  for (const name of others.slice(KEPT_BUILDS - 1)) rmSync(join(dist, name), { recursive: true })
  const kept = others.slice(0, KEPT_BUILDS - 1)
  writeFileSync(join(dist, '.npmignore'), kept.map((name) => `/${name}/\n`).join(''))
}
