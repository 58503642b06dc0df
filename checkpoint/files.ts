import { type FileHandle, open, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fail } from '../core/errors.ts'
import { originOfFolder } from './hub-name.ts'
import type { ReadLimits } from './limits.ts'

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

/**
 * Returns the text of a file in a folder, or undefined if it does not exist.
 * @throws GraftError `checkpoint_corrupt` if it is larger than allowed, or a folder
 */
export async function readText(
  dir: string,
  name: string,
  limits: Pick<ReadLimits, 'jsonBytes'>,
): Promise<string | undefined> {
  return (await readContent(dir, name, limits))?.toString('utf8')
}

/** Returns the bytes of a file in a folder. Throws the same errors as {@link readText}. */
export async function readContent(
  dir: string,
  name: string,
  { jsonBytes }: Pick<ReadLimits, 'jsonBytes'>,
): Promise<Buffer | undefined> {
  const file = await open(join(dir, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  try {
    const stats = await file?.stat()
    if (stats && !stats.isFile()) throwCorrupt(fileIn(dir, name), 'a file', 'a folder')
    if (stats && stats.size > jsonBytes)
      throwCorrupt(fileIn(dir, name), `at most ${jsonBytes} bytes`, `${stats.size} bytes`)
    return await file?.readFile()
  } finally {
    await file?.close()
  }
}

/**
 * Opens a file of tensors. The caller closes it.
 * @throws GraftError `file_missing` if it cannot be opened or is a folder
 */
export async function openRegularFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(path).catch((error) =>
    fail('file_missing', { subject: path, problem: toProblem(error), fix: 'Check the path.' }, error),
  )
  try {
    const stat = await handle.stat()
    if (!stat.isFile())
      fail('file_missing', { subject: path, problem: 'is a folder, not a file', fix: 'Check the path.' })
    return { handle, size: stat.size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Far more than any configuration needs. Code that walks a value recursively could exhaust the stack. */
const MAX_DEPTH = 64

/** @throws GraftError `checkpoint_corrupt` if the text is not a JSON object */
export function parseObject(text: string, subject: string): JsonObject {
  let value: unknown
  let found = 'JSON that is not an object'
  try {
    value = JSON.parse(text)
  } catch (error) {
    found = (error as Error).message
  }
  if (isDeeper(value, MAX_DEPTH)) throwCorrupt(subject, `JSON of at most ${MAX_DEPTH} levels`, 'more')
  if (isObject(value)) return value
  return throwCorrupt(subject, 'a JSON object', found)
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns whether lists and objects are nested in more than this many levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

function throwCorrupt(subject: string, expected: string, found: string): never {
  fail('checkpoint_corrupt', { subject, expected, found, fix: 'The file is damaged. Copy or download it again.' })
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
export const fileIn = (dir: string, name: string): string => `${originOfFolder(dir)?.repo ?? basename(dir)}/${name}`
