import { entryNamed, invalid, tooLarge } from './archive-errors.ts'

export type EntryKind = 'file' | 'folder'

/** What the common file systems allow for a part of a path, and enough for all of one. */
const LONGEST_PART = 255
const LONGEST_PATH = 1024

/**
 * The names of one archive, each of which has to stay inside the folder and to mean the same on every file system.
 * @param depth how many parts a path may have
 * @returns takes a name as the archive has it and gives the path in the folder, empty for the folder itself. It throws GraftError
 *   `archive_invalid` or `archive_too_large`.
 */
export function archiveNames(depth: number): (name: string, kind: EntryKind) => string {
  /** What was taken, by its name as a file system would see it that ignores case; folders that files imply are there as well. */
  const taken = new Map<string, { name: string; kind: EntryKind; implied: boolean }>()

  return (name, kind) => {
    const path = plainPath(name, kind)
    const parts = path.split('/')
    if (parts.length > depth)
      tooLarge(entryNamed(name), `folders at most ${depth} deep`, `a path of ${parts.length} parts`)
    for (let length = 1; length <= parts.length; length++) {
      const own = length === parts.length
      const part = parts.slice(0, length).join('/')
      const before = taken.get(sameOnDisk(part))
      const given = { name: part, kind: own ? kind : 'folder', implied: !own } as const
      if (!before || (before.implied && own && kind === 'folder' && before.name === part)) {
        taken.set(sameOnDisk(part), given)
        continue
      }
      if (own && !before.implied && before.name === part)
        invalid(entryNamed(name), 'each name once', 'it a second time')
      if (before.name !== part)
        invalid(
          entryNamed(name),
          'names that differ by more than case or accents',
          `${JSON.stringify(before.name)} as well`,
        )
      if (before.kind !== given.kind) invalid(entryNamed(name), 'a file or a folder', 'both under one name')
    }
    return path
  }
}

const sameOnDisk = (path: string): string => path.normalize('NFC').toLowerCase()

function plainPath(name: string, kind: EntryKind): string {
  const wrong = (expected: string, found: string) => invalid(entryNamed(name), expected, found)
  if (kind === 'file' && name.endsWith('/')) wrong('the name of a file', 'one with a slash at its end')
  const path = name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
  if (kind === 'folder' && (path === '' || path === '.') && name.startsWith('.')) return ''
  if (path === '') wrong('a name', 'none')
  if (name.startsWith('/')) wrong('a path inside the folder', 'an absolute one')
  if (/^[a-z]:/i.test(path)) wrong('a path inside the folder', 'one with a drive')
  if (path.includes('\\')) wrong('a path with / between its parts', 'a backslash')
  if (path.includes('\0')) wrong('a name without NUL', 'one')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are refused
  if (/[\x01-\x1f\x7f]/.test(path)) wrong('a name that can be printed', 'a control character')
  if (/\ufffd/.test(path)) wrong('a name in UTF-8', 'bytes that are not')
  for (const part of path.split('/')) {
    if (part === '..') wrong('a path inside the folder', 'a part that is ".."')
    if (part === '' || part === '.') wrong('a plain path', part ? 'a part that is "."' : 'two slashes side by side')
    if (Buffer.byteLength(part) > LONGEST_PART)
      wrong(`parts of at most ${LONGEST_PART} bytes`, `one of ${Buffer.byteLength(part)}`)
  }
  if (Buffer.byteLength(path) > LONGEST_PATH)
    wrong(`a path of at most ${LONGEST_PATH} bytes`, `one of ${Buffer.byteLength(path)}`)
  return path
}
