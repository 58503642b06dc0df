import { describeEntry, throwInvalidArchive, throwTooLarge } from './archive-errors.ts'

export type EntryKind = 'file' | 'folder'

/** The limit of common file systems for one part of a path. */
const MAX_PART_BYTES = 255
const MAX_PATH_BYTES = 1024

/**
 * Creates a check for the names of one archive. Each must stay inside the folder and mean the same on every file
 * system.
 * @param depth the maximum number of parts of a path
 * @returns a function that converts a name of the archive to a path in the folder, which is empty for the folder
 *   itself. It throws GraftError `archive_invalid` or `archive_too_large`.
 */
export function createNameChecker(depth: number): (name: string, kind: EntryKind) => string {
  /** The entries so far, by their names without case. Includes the folders that paths of files imply. */
  const entries = new Map<string, { name: string; kind: EntryKind; implied: boolean }>()

  return (name, kind) => {
    const path = toPlainPath(name, kind)
    const parts = path.split('/')
    if (parts.length > depth)
      throwTooLarge(describeEntry(name), `folders at most ${depth} deep`, `a path of ${parts.length} parts`)
    for (let length = 1; length <= parts.length; length++) {
      const isWhole = length === parts.length
      const prefix = parts.slice(0, length).join('/')
      const known = entries.get(foldCase(prefix))
      const added = { name: prefix, kind: isWhole ? kind : 'folder', implied: !isWhole } as const
      if (!known || (known.implied && isWhole && kind === 'folder' && known.name === prefix)) {
        entries.set(foldCase(prefix), added)
        continue
      }
      if (isWhole && !known.implied && known.name === prefix)
        throwInvalidArchive(describeEntry(name), 'each name once', 'it a second time')
      if (known.name !== prefix)
        throwInvalidArchive(
          describeEntry(name),
          'names that differ by more than case or accents',
          `${JSON.stringify(known.name)} as well`,
        )
      if (known.kind !== added.kind)
        throwInvalidArchive(describeEntry(name), 'a file or a folder', 'both under one name')
    }
    return path
  }
}

/** Returns the form of a path that is compared by file systems that ignore case and normalize accents. */
const foldCase = (path: string): string => path.normalize('NFC').toLowerCase()

function toPlainPath(name: string, kind: EntryKind): string {
  const refuse = (expected: string, found: string) => throwInvalidArchive(describeEntry(name), expected, found)
  if (kind === 'file' && name.endsWith('/')) refuse('a file name', 'a name with a slash at its end')
  const path = name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
  if (kind === 'folder' && (path === '' || path === '.') && name.startsWith('.')) return ''
  if (path === '') refuse('a name', 'none')
  if (name.startsWith('/')) refuse('a path inside the folder', 'an absolute path')
  if (/^[a-z]:/i.test(path)) refuse('a path inside the folder', 'a path with a drive')
  if (path.includes('\\')) refuse('a path with / between its parts', 'a backslash')
  if (path.includes('\0')) refuse('a name without NUL', 'a NUL')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern refuses them
  if (/[\x01-\x1f\x7f]/.test(path)) refuse('a name of printable characters', 'a control character')
  if (/\ufffd/.test(path)) refuse('a name in UTF-8', 'invalid bytes')
  for (const part of path.split('/')) {
    if (part === '..') refuse('a path inside the folder', 'a part that is ".."')
    if (part === '' || part === '.') refuse('a plain path', part ? 'a part that is "."' : 'two slashes in a row')
    if (Buffer.byteLength(part) > MAX_PART_BYTES)
      refuse(`parts of at most ${MAX_PART_BYTES} bytes`, `a part of ${Buffer.byteLength(part)} bytes`)
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    refuse(`a path of at most ${MAX_PATH_BYTES} bytes`, `a path of ${Buffer.byteLength(path)} bytes`)
  return path
}
