import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fillFolder, writeNewFile } from '../../checkpoint/write-folder.ts'
import { syncFolder } from '../../core/durable.ts'
import { entryNamed, invalid, tooLarge } from './archive-errors.ts'
import { archiveNames } from './archive-names.ts'
import { type TarHeader, tarEntries } from './tar-stream-entries.ts'

/** What an archive may hold at most. All bytes are counted after decompression. */
export interface ArchiveLimits {
  /** Files and folders. */
  entries: number
  /** Of one file. */
  fileBytes: number
  /** Of all files. */
  bytes: number
  /** Parts of a path. */
  depth: number
}

const GIBIBYTE = 2 ** 30

export const DEFAULT_LIMITS: Readonly<ArchiveLimits> = {
  entries: 1000,
  fileBytes: 2 * GIBIBYTE,
  bytes: 4 * GIBIBYTE,
  depth: 8,
}

export interface Unpacked {
  files: number
  bytes: number
}

/** Room for headers, pax records and the zeros at the end, beside what files hold. */
const overhead = ({ entries }: ArchiveLimits): number => 2 ** 20 + entries * 4096

/**
 * Unpacks a tar file, compressed by gzip or not, into a folder that is not there yet or empty: whole or not at all. Nobody is trusted:
 * only files and folders with plain names are made, with modes of our own, and nothing is followed. The content is read no further than
 * to what is refused.
 * @throws GraftError `archive_invalid` and `archive_too_large`, which name the entry, `output_exists`, `disk_full`
 */
export async function unpackFolder(
  content: AsyncIterable<Uint8Array>,
  dir: string,
  limits: Partial<ArchiveLimits> = {},
): Promise<Unpacked> {
  const bounds = { ...DEFAULT_LIMITS, ...limits }
  return fillFolder(dir, (partial) => extractInto(partial, content, bounds))
}

async function extractInto(into: string, content: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<Unpacked> {
  const checked = archiveNames(limits.depth)
  const folders = new Set<string>()
  const unpacked = { files: 0, bytes: 0 }
  let entries = 0
  for await (const { header, content: body } of tarEntries(content, limits.bytes + overhead(limits))) {
    if (++entries > limits.entries)
      tooLarge(entryNamed(header.name), `at most ${limits.entries} files and folders`, 'more')
    const kind = kindOf(header)
    const path = checked(header.name, kind)
    const folder = kind === 'folder' ? path : dirname(path)
    await mkdir(join(into, folder), { recursive: true })
    for (let each = folder; each !== '.' && each !== ''; each = dirname(each)) folders.add(each)
    if (kind === 'folder') continue
    requireRoom(header, unpacked.bytes, limits)
    await writeNewFile(join(into, path), body)
    unpacked.files++
    unpacked.bytes += header.size
  }
  for (const folder of folders) syncFolder(join(into, folder))
  return unpacked
}

/** What else an entry may be, as errors name it. */
const kinds: Readonly<Record<string, string>> = {
  link: 'a hard link',
  symlink: 'a symbolic link',
  'character-device': 'a device',
  'block-device': 'a device',
  fifo: 'a pipe',
}

function kindOf({ name, type, size, linkname, pax }: TarHeader): 'file' | 'folder' {
  const refuse = (found: string) => invalid(entryNamed(name), 'a file or a folder', found)
  if (type !== 'file' && type !== 'directory')
    refuse((kinds[type ?? ''] ?? 'an entry of another kind') + (linkname ? ` to ${JSON.stringify(linkname)}` : ''))
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) refuse('a sparse file')
  if (type === 'directory' && size > 0) refuse(`a folder of ${size} bytes`)
  return type === 'file' ? 'file' : 'folder'
}

function requireRoom({ name, size }: TarHeader, before: number, { fileBytes, bytes }: ArchiveLimits): void {
  if (size > fileBytes) tooLarge(entryNamed(name), `a file of at most ${fileBytes} bytes`, `one of ${size}`)
  if (before + size > bytes)
    tooLarge(entryNamed(name), `files of at most ${bytes} bytes in all`, `${before + size} with this one`)
}
