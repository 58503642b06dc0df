import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { pathsOf } from '../../platform/store/embedded/paths.ts'
import { whyPglite } from '../contract/store/embedded.ts'
import type { Target } from './target.ts'

export const whyNoProc: string = existsSync('/proc/self/cmdline') ? '' : ' (skipped: there is no /proc)'
export const whyNoPostgres: string = whyNoProc || (whyPglite && ` (skipped: ${whyPglite})`)

/** Returns the id of the first process of the embedded database. */
export const findPostmaster = ({ home }: Target): number =>
  Number(readFileSync(pathsOf(home).pid, 'utf8').split('\n')[0])

/** Returns the processes of the database that serve connections or write. */
export const backendsOf = (postmaster: number): number[] =>
  processes().flatMap(({ id, parent }) => (parent === postmaster ? [id] : []))

function processes() {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return [{ id: Number(name), parent: Number(parent) }]
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}
