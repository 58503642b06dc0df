import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fail } from '../core/errors.ts'

/** JSON that is an object, as configuration files hold it. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * The names of a folder's entries.
 * @throws GraftError `file_missing` where there is no such folder
 */
export async function listFolder(dir: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(dir))
  } catch (error) {
    const found = (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? 'a file' : 'nothing'
    return fail('file_missing', { subject: dir, expected: 'a folder', found, fix: 'Check the path.' }, error)
  }
}

/** A text of a folder; undefined where there is no such file. */
export async function readText(dir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** @throws GraftError `checkpoint_corrupt` where the text is not a JSON object */
export function parseObject(text: string, subject: string): JsonObject {
  let value: unknown
  let found = 'JSON of another kind'
  try {
    value = JSON.parse(text)
  } catch (error) {
    found = (error as Error).message
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  return fail('checkpoint_corrupt', {
    subject,
    expected: 'a JSON object',
    found,
    fix: 'Restore the file from where it came.',
  })
}

/** The bytes of those of a folder's files that are there. */
export async function readCompanions(dir: string, names: readonly string[]): Promise<Record<string, Uint8Array[]>> {
  const present = await listFolder(dir)
  const found = names.filter((name) => present.has(name))
  return Object.fromEntries(await Promise.all(found.map(async (name) => [name, [await readFile(join(dir, name))]])))
}

/** How errors name a file of a folder. */
export const fileIn = (dir: string, name: string): string => `${basename(dir)}/${name}`
