import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { listFolder } from '../../checkpoint/files.ts'
import { entryNamed, invalid } from './archive-errors.ts'
import { archiveNames, type EntryKind } from './archive-names.ts'
import { BLOCK, padding, tarHeader } from './tar-header.ts'

/**
 * Packs a folder as a tar file. The same names and contents give the same bytes, and so the same digest.
 * @returns a stream, which fails with GraftError `file_missing`, or with `archive_invalid` where the folder holds a link or something else
 *   that {@link file://./unpack-folder.ts} would refuse
 */
export const packFolder = (dir: string): Readable => Readable.from(pieces(dir), { objectMode: false })

async function* pieces(dir: string): AsyncGenerator<Buffer> {
  await listFolder(dir)
  const checked = archiveNames(Number.POSITIVE_INFINITY)
  for await (const [path, kind] of entries(dir, '')) {
    checked(path, kind)
    if (kind === 'folder') yield tarHeader(`${path}/`, kind, 0)
    else yield* filePieces(dir, path)
  }
  yield Buffer.alloc(2 * BLOCK)
}

/** In the order of their UTF-16 units, which is the same everywhere; a folder comes before what it holds. */
async function* entries(dir: string, within: string): AsyncGenerator<[string, EntryKind]> {
  const found = await readdir(join(dir, within), { withFileTypes: true })
  for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = within + entry.name
    if (entry.isFile()) yield [path, 'file']
    else if (entry.isDirectory()) {
      yield [path, 'folder']
      yield* entries(dir, `${path}/`)
    } else
      invalid(
        entryNamed(path),
        'a file or a folder',
        entry.isSymbolicLink() ? 'a link' : 'something else',
        'Copy what it leads to in its place.',
      )
  }
}

async function* filePieces(dir: string, path: string): AsyncGenerator<Buffer> {
  const file = await open(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await file.stat()
    yield tarHeader(path, 'file', size)
    let read = 0
    if (size > 0)
      for await (const piece of file.createReadStream({ start: 0, end: size - 1, autoClose: false })) {
        read += piece.length
        yield piece
      }
    if (read !== size)
      invalid(entryNamed(path), `${size} bytes`, `${read}: it changed while it was read`, 'Pack it again.')
    yield padding(size)
  } finally {
    await file.close()
  }
}
