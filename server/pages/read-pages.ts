import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder } from '../../core/entry.ts'
import { makePages, type Pages } from './pages.ts'

/** Reads the pages of this build. Returns undefined if Graft runs from its sources, which are not bundled. */
export function readPages(): Pages | undefined {
  const build = buildFolder()
  if (build === undefined) return undefined
  const folder = join(build, 'web')
  const names = readdirSync(join(folder, 'assets'))
  return makePages({
    document: readFileSync(join(folder, 'index.html')),
    assets: new Map(names.map((name) => [name, readFileSync(join(folder, 'assets', name))])),
  })
}
