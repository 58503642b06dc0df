import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../../core/entry.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import type { Revision } from '../agents.ts'

const conformance = join(packageRoot, 'node_modules/@modelcontextprotocol/conformance')

export interface Check {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

/** Runs all scenarios of the official suite for servers of a revision. @returns the checks by scenario */
export async function runSuite(url: string, revision: Revision): Promise<ReadonlyMap<string, readonly Check[]>> {
  const results = freshPath('conformance')
  const args = ['server', '--url', `${url}/mcp`, '--requirements', revision, '-o', results]
  // The suite exits with 1 if a check failed. Its files have the results.
  await promisify(execFile)(process.execPath, [join(conformance, 'dist/index.js'), ...args], { maxBuffer: 1e8 }).catch(
    () => {},
  )
  return new Map(
    globSync(join(results, '*/checks.json')).map((file) => [
      // server-<scenario>-<time>
      basename(dirname(file)).replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, ''),
      JSON.parse(readFileSync(file, 'utf8')),
    ]),
  )
}

/** Returns the scenarios that a revision requires of servers, and the optional ones that the suite also runs. */
export function requirements(revision: Revision): { required: string[]; optional: string[] } {
  const text = readFileSync(join(conformance, 'requirements', `${revision}.yaml`), 'utf8')
  const required = /^server:\n((?: {2}- .*\n)+)/m.exec(text)?.[1] ?? ''
  return {
    required: [...required.matchAll(/- (\S+)/g)].map(([, name]) => name),
    optional: [...text.matchAll(/- scenario: (\S+)\n {4}leg: server/g)].map(([, name]) => name),
  }
}
