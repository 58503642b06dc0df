import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'

/** Before all tests: those that start the command as a user does start what ships, made of the sources as they are. */
export function setup(): void {
  execFileSync(process.execPath, [join(packageRoot, 'tools/build.mjs')], { cwd: packageRoot })
}
