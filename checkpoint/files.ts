import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fail } from '../core/errors.ts'

/** A JSON object, such as a configuration file contains. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Returns the names of a folder's entries.
 * @throws GraftError `file_missing` if the folder does not exist
 */
export async function listFolder(dir: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(dir))
  } catch (error) {
    const problem = (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? 'is a file, not a folder' : toProblem(error)
    return fail('file_missing', { subject: dir, problem, fix: 'Check the path.' }, error)
  }
}

/** Returns the text of a file in a folder, or undefined if it does not exist. */
export async function readText(dir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** @throws GraftError `checkpoint_corrupt` if the text is not a JSON object */
export function parseObject(text: string, subject: string): JsonObject {
  let value: unknown
  let found = 'JSON that is not an object'
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
    fix: 'The file is damaged. Copy or download it again.',
  })
}

/** Returns the bytes of those files that exist in a folder. */
export async function readExistingFiles(dir: string, names: readonly string[]): Promise<Record<string, Uint8Array[]>> {
  const present = await listFolder(dir)
  const found = names.filter((name) => present.has(name))
  return Object.fromEntries(await Promise.all(found.map(async (name) => [name, [await readFile(join(dir, name))]])))
}

/** Returns the reason why a file or folder could not be opened, as a predicate for an error. */
export function toProblem(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'does not exist' : `cannot be opened (${code})`
}

/** Returns the name of a folder's file for errors. */
export const fileIn = (dir: string, name: string): string => `${basename(dir)}/${name}`
