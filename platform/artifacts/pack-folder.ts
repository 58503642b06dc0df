import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { listFolder } from '../../checkpoint/files.ts'
import { describeEntry, throwInvalidArchive } from './archive-errors.ts'
import { createNameChecker, type EntryKind } from './archive-names.ts'
import { BLOCK_BYTES, encodeTarHeader, makePadding } from './tar-header.ts'

/**
 * Packs a folder as a tar file. The same names and contents give the same bytes, and therefore the same digest.
 * @param files the names of the files to pack. Defaults to everything in the folder
 * @returns a stream. It fails with GraftError `file_missing`, or with `archive_invalid` if the folder contains a link
 *   or anything else that {@link file://./unpack-folder.ts} would refuse.
 */
export const packFolder = (dir: string, files?: readonly string[]): Readable =>
  Readable.from(tarChunks(dir, files), { objectMode: false })

/**
 * Packs files as {@link packFolder} would pack a folder that contains them.
 * @param paths the path of each file by its name. Links are followed
 * @param texts the content of further files by their names
 */
export const packFiles = (
  paths: Readonly<Record<string, string>>,
  texts: Readonly<Record<string, string>> = {},
): Readable => Readable.from(tarFiles(paths, texts), { objectMode: false })

async function* tarFiles(
  paths: Readonly<Record<string, string>>,
  texts: Readonly<Record<string, string>>,
): AsyncGenerator<Buffer> {
  for (const name of [...Object.keys(paths), ...Object.keys(texts)].sort())
    if (Object.hasOwn(texts, name)) {
      const content = Buffer.from(texts[name])
      yield Buffer.concat([encodeTarHeader(name, 'file', content.length), content, makePadding(content.length)])
    } else yield* fileChunks(name, await open(paths[name]))
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

async function* tarChunks(dir: string, files?: readonly string[]): AsyncGenerator<Buffer> {
  await listFolder(dir)
  const checkName = createNameChecker(Number.POSITIVE_INFINITY)
  for await (const [path, kind] of walk(dir, '', files && new Set(files))) {
    checkName(path, kind)
    if (kind === 'folder') yield encodeTarHeader(`${path}/`, kind, 0)
    else yield* fileChunks(path, await open(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW))
  }
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

/** Yields the entries sorted by UTF-16 units, which is the same everywhere. A folder comes before its content. */
async function* walk(dir: string, within: string, only?: ReadonlySet<string>): AsyncGenerator<[string, EntryKind]> {
  const dirEntries = await readdir(join(dir, within), { withFileTypes: true })
  for (const entry of dirEntries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = within + entry.name
    if (only?.has(path) === false) continue
    if (entry.isFile()) yield [path, 'file']
    else if (entry.isDirectory()) {
      yield [path, 'folder']
      yield* walk(dir, `${path}/`)
    } else
      throwInvalidArchive(
        describeEntry(path),
        'a file or a folder',
        entry.isSymbolicLink() ? 'a link' : 'something else',
        'Replace it with a copy of the file or folder that it points to.',
      )
  }
}

/** Yields the entry of a file, and closes the file. */
async function* fileChunks(path: string, file: FileHandle): AsyncGenerator<Buffer> {
  try {
    const { size } = await file.stat()
    yield encodeTarHeader(path, 'file', size)
    let read = 0
    if (size > 0)
      for await (const chunk of file.createReadStream({ start: 0, end: size - 1, autoClose: false })) {
        read += chunk.length
        yield chunk
      }
    if (read !== size)
      throwInvalidArchive(
        describeEntry(path),
        `${size} bytes`,
        `${read} bytes, because it changed while it was read`,
        'Pack it again.',
      )
    yield makePadding(size)
  } finally {
    await file.close()
  }
}
