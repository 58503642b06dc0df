import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/entry.ts'
import { NODE_FLAGS } from '../node-flags.ts'

/** Runs a program of tools/. Returns what it prints. */
export async function runTool(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...NODE_FLAGS,
    join(packageRoot, 'tools', `${name}.mjs`),
    ...args,
  ])
  return stdout
}
