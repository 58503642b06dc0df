import { readFile } from 'node:fs/promises'
import { packageRoot } from './entry.ts'

/** Reads Graft's version from package.json. */
export async function readVersion(): Promise<string> {
  return (JSON.parse(await readFile(`${packageRoot}/package.json`, 'utf8')) as { version: string }).version
}
