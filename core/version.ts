import { readFile } from 'node:fs/promises'
import { packageRoot } from './entry.ts'

/** That of package.json. */
export async function version(): Promise<string> {
  return (JSON.parse(await readFile(`${packageRoot}/package.json`, 'utf8')) as { version: string }).version
}
