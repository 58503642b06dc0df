import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fillFolder, writeNewFile } from '../../checkpoint/write-folder.ts'
import { DISK_RESERVE_BYTES, requireDiskSpace } from '../../core/disk-space.ts'
import { syncFolder } from '../../core/durable.ts'
import { describeEntry, throwInvalidArchive, throwTooLarge } from './archive-errors.ts'
import { createNameChecker } from './archive-names.ts'
import { readTarEntries, type TarHeader } from './tar-stream-entries.ts'

/** The limits of an archive. All bytes are counted after decompression. */
export interface ArchiveLimits {
  /** The maximum number of files and folders. */
  entries: number
  /** The maximum size of a file. */
  fileBytes: number
  /** The maximum size of all files together. */
  bytes: number
  /** The maximum number of parts of a path. */
  depth: number
  /** The maximum ratio of unpacked to compressed bytes. It does not apply to the first 16 MiB. */
  ratio: number
  /** The bytes that must stay free on the disk. */
  reserve: number
}

const GIBIBYTE = 2 ** 30

export const DEFAULT_LIMITS: Readonly<ArchiveLimits> = {
  entries: 1000,
  fileBytes: 2 * GIBIBYTE,
  bytes: 4 * GIBIBYTE,
  depth: 8,
  // Trained weights hardly compress, fresh ones, of which half are zeros, by half, and a tokenizer to a fifth.
  ratio: 20,
  reserve: DISK_RESERVE_BYTES,
}

export interface Unpacked {
  files: number
  bytes: number
}

/** Returns the bytes allowed for headers, pax records and the zeros at the end, in addition to the files. */
const overheadBytes = ({ entries }: ArchiveLimits): number => 2 ** 20 + entries * 4096

/**
 * Unpacks a tar file, which may be compressed by gzip, into a new or empty folder, whole or not at all. The archive is
 * not trusted: only files and folders with plain names are created, with fixed modes, and links are not followed.
 * Reading stops at the first entry that is refused.
 * @param keeps returns whether to keep the file at a path; other files are created empty. Defaults to all files
 * @throws GraftError `archive_invalid` and `archive_too_large`, which name the entry; `output_exists`, `disk_full`
 */
export async function unpackFolder(
  content: AsyncIterable<Uint8Array>,
  dir: string,
  limits: Partial<ArchiveLimits> = {},
  keeps: (path: string) => boolean = () => true,
): Promise<Unpacked> {
  const bounds = { ...DEFAULT_LIMITS, ...limits }
  return fillFolder(dir, (partial) => extractInto(partial, content, bounds, keeps))
}

async function extractInto(
  into: string,
  content: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  keeps: (path: string) => boolean,
): Promise<Unpacked> {
  const checkName = createNameChecker(limits.depth)
  const folders = new Set<string>()
  const unpacked = { files: 0, bytes: 0 }
  let entries = 0
  const streamLimits = { bytes: limits.bytes + overheadBytes(limits), ratio: limits.ratio }
  for await (const { header, content: body } of readTarEntries(content, streamLimits)) {
    if (++entries > limits.entries)
      throwTooLarge(describeEntry(header.name), `at most ${limits.entries} files and folders`, 'more')
    const kind = kindOf(header)
    const path = checkName(header.name, kind)
    const folder = kind === 'folder' ? path : dirname(path)
    await mkdir(join(into, folder), { recursive: true })
    for (let parent = folder; parent !== '.' && parent !== ''; parent = dirname(parent)) folders.add(parent)
    if (kind === 'folder') continue
    requireWithinLimits(header, unpacked.bytes, limits)
    const isKept = keeps(path)
    const size = isKept ? header.size : 0
    await requireDiskSpace({ folder: into, name: 'the unpacked files', reserve: limits.reserve }, size)
    await writeNewFile(join(into, path), isKept ? body : '')
    unpacked.files++
    unpacked.bytes += header.size
  }
  for (const folder of folders) syncFolder(join(into, folder))
  return unpacked
}

/** The names of other kinds of entries in errors. */
const KIND_NAMES: Readonly<Record<string, string>> = {
  link: 'a hard link',
  symlink: 'a symbolic link',
  'character-device': 'a device',
  'block-device': 'a device',
  fifo: 'a pipe',
}

function kindOf({ name, type, size, linkname, pax }: TarHeader): 'file' | 'folder' {
  const refuse = (found: string) => throwInvalidArchive(describeEntry(name), 'a file or a folder', found)
  if (type !== 'file' && type !== 'directory')
    refuse((KIND_NAMES[type ?? ''] ?? 'an entry of another kind') + (linkname ? ` to ${JSON.stringify(linkname)}` : ''))
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) refuse('a sparse file')
  if (type === 'directory' && size > 0) refuse(`a folder of ${size} bytes`)
  return type === 'file' ? 'file' : 'folder'
}

function requireWithinLimits({ name, size }: TarHeader, before: number, { fileBytes, bytes }: ArchiveLimits): void {
  if (size > fileBytes)
    throwTooLarge(describeEntry(name), `a file of at most ${fileBytes} bytes`, `a file of ${size} bytes`)
  if (before + size > bytes)
    throwTooLarge(
      describeEntry(name),
      `files of at most ${bytes} bytes in total`,
      `${before + size} bytes with this one`,
    )
}
