import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'

/** What an image or a function has: Node, and what tools/runtime-tree.mjs lays out. */
export interface LaidOut {
  readonly graft: string
  /** Starts Node there as a user that may write nothing of it, with this environment alone. */
  node(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess
  remove(): void
}

/** One that changes its user would otherwise outlive whoever started it and was killed. */
const USER = ['--reuid=1000', '--regid=1000', '--clear-groups', '--pdeathsig=KILL']

/** @param within what starts the process, `unshare` say */
export function layOut(within: readonly string[] = []): LaidOut {
  const place = mkdtempSync(join(tmpdir(), 'graft-laid-out-'))
  chmodSync(place, 0o755)
  const [graft, node] = [join(place, 'graft'), join(place, 'node')]
  execFileSync(process.execPath, ['tools/runtime-tree.mjs', graft], { cwd: packageRoot })
  cpSync(process.execPath, node)
  const user = process.getuid?.() === 0 ? ['setpriv', ...USER] : []
  return {
    graft,
    node(args, env) {
      const [program, ...rest] = [...within, ...user, node, ...args]
      return spawn(program, rest, {
        cwd: graft,
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    },
    remove: () => rmSync(place, { recursive: true, force: true }),
  }
}
