import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'

/** The files of an image or a function: Node, and the folder that tools/runtime-tree.mjs creates. */
export interface Deployment {
  /** The folder of Graft's files. */
  readonly graft: string
  /**
   * Starts Node in that folder as a user who may not write to it. The process gets only this environment.
   * @param wrapper a command that starts the process, such as `unshare`
   */
  startNode(args: readonly string[], env: Readonly<Record<string, string>>, wrapper?: readonly string[]): ChildProcess
  remove(): void
}

/** Without `--pdeathsig`, a process that changes its user would outlive a parent that is killed. */
const AS_USER = ['--reuid=1000', '--regid=1000', '--clear-groups', '--pdeathsig=KILL']

/** Creates the files in a temporary folder. */
export function createDeployment(): Deployment {
  const folder = mkdtempSync(join(tmpdir(), 'graft-deployment-'))
  chmodSync(folder, 0o755)
  const [graft, node] = [join(folder, 'graft'), join(folder, 'node')]
  execFileSync(process.execPath, ['tools/runtime-tree.mjs', graft], { cwd: packageRoot })
  cpSync(process.execPath, node)
  const user = process.getuid?.() === 0 ? ['setpriv', ...AS_USER] : []
  return {
    graft,
    startNode(args, env, wrapper = []) {
      const [program, ...rest] = [...wrapper, ...user, node, ...args]
      return spawn(program, rest, {
        cwd: graft,
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
