import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from 'yauzl'
import { fail, GraftError } from '../../core/errors.ts'
import { BoundedReader } from './bounded-reader.ts'
import { throwDamaged } from './unpickle.ts'

/** The entries of a file that `torch.save` wrote, by their names without the root folder. */
export interface TorchArchive {
  has(name: string): boolean
  /** Returns an entry's size in bytes. */
  sizeOf(name: string): number
  /** @throws GraftError `checkpoint_corrupt` if there is no such entry or it is damaged */
  read(name: string): Promise<Buffer>
}

/** Far more than any model has tensors. */
const MAX_ENTRIES = 200_000
/** The first bytes of a file of PyTorch before 1.6: a pickle of the number 0x1950a86a20f9469cfc6c. */
const LEGACY = Buffer.from('80028a0a6cfc9c46f920', 'hex')

/**
 * Opens the archive of a torch file. The caller closes the file.
 * @param head the first bytes of the file
 * @throws GraftError `checkpoint_corrupt` if it is not one, or its entries are compressed
 */
export async function openTorchArchive(
  handle: FileHandle,
  size: number,
  head: Buffer,
  file: string,
): Promise<TorchArchive> {
  if (head.subarray(0, LEGACY.length).equals(LEGACY))
    fail('checkpoint_corrupt', {
      subject: file,
      problem: 'has the format of PyTorch before version 1.6',
      fix: 'Load it in PyTorch and save it again with torch.save, or save it in the safetensors format.',
    })
  const reader = new BoundedReader(handle, size)
  const zip = await fromRandomAccessReaderPromise(reader, size, { autoClose: false, strictFileNames: true }).catch(
    (error: Error) => throwDamaged(file, `is not an archive that can be read (${error.message})`),
  )
  return toArchive(zip, await listEntries(zip, file), file)
}

async function listEntries(zip: ZipFile, file: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>()
  let root: string | undefined
  if (zip.entryCount > MAX_ENTRIES) throwDamaged(file, `has more than ${MAX_ENTRIES} entries`)
  try {
    for await (const entry of zip.eachEntry()) {
      const slash = entry.fileName.indexOf('/')
      const [folder, name] = [entry.fileName.slice(0, slash), entry.fileName.slice(slash + 1)]
      root ??= folder
      if (slash < 0 || folder !== root)
        throwDamaged(file, `contains ${JSON.stringify(entry.fileName)} outside its folder`)
      if (entries.has(name)) throwDamaged(file, `contains ${JSON.stringify(name)} twice`)
      // torch.save stores bytes as they are. Compressed ones could become far more than the file has.
      if (entry.compressionMethod !== 0 || entry.isEncrypted() || entry.compressedSize !== entry.uncompressedSize)
        throwDamaged(file, `contains ${JSON.stringify(name)} in compressed or encrypted form`)
      entries.set(name, entry)
    }
  } catch (error) {
    if (error instanceof GraftError) throw error
    throwDamaged(file, `has a damaged list of entries (${(error as Error).message})`)
  }
  return entries
}

function toArchive(zip: ZipFile, entries: ReadonlyMap<string, Entry>, file: string): TorchArchive {
  const find = (name: string): Entry =>
    entries.get(name) ?? throwDamaged(file, `does not contain ${JSON.stringify(name)}`)
  return {
    has: (name) => entries.has(name),
    sizeOf: (name) => find(name).uncompressedSize,
    async read(name) {
      const entry = find(name)
      const content = await zip
        .openReadStreamPromise(entry)
        .then((stream: Readable) => buffer(stream))
        .catch((error: Error) =>
          throwDamaged(file, `contains ${JSON.stringify(name)} in damaged form (${error.message})`),
        )
      if (content.length !== entry.uncompressedSize)
        throwDamaged(file, `contains only a part of ${JSON.stringify(name)}`)
      if (crc32(content) !== entry.crc32)
        throwDamaged(file, `contains ${JSON.stringify(name)} with another checksum than it was saved with`)
      return content
    },
  }
}
