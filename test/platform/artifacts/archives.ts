import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BLOCK_BYTES, encodeTarHeader, makePadding } from '../../../platform/artifacts/tar-header.ts'

/** Maps paths of files to their bytes, and paths of empty folders, which end with a slash, to undefined. */
export type Tree = Readonly<Record<string, Uint8Array | undefined>>

export function writeTree(dir: string, tree: Tree): void {
  mkdirSync(dir, { recursive: true })
  for (const [path, bytes] of Object.entries(tree)) {
    mkdirSync(join(dir, bytes ? dirname(path) : path), { recursive: true })
    if (bytes) writeFileSync(join(dir, path), bytes)
  }
}

/** Returns the content of a folder in a comparable form. Anything but a file or a folder is `something else`. */
export function readTree(dir: string): Record<string, string> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name)
    const content = entry.isFile()
      ? readFileSync(path).toString('hex')
      : entry.isDirectory()
        ? 'folder'
        : 'something else'
    return [path.slice(dir.length + 1), content]
  })
  return Object.fromEntries(entries.sort())
}

interface EntryFields {
  name: string
  /**
   * The type flag: 0 for a file, 1 a hard link, 2 a symbolic link, 3 and 4 devices, 5 a folder, 6 a pipe, x pax
   * records. Defaults to a file.
   */
  type?: string
  content?: string | Uint8Array
  /** The size in the header. Defaults to the actual one. */
  size?: number
  link?: string
}

/** Encodes an entry as an attacker might: of any kind, with any name and any size. */
export function entry({ name, type = '0', content = '', size, link }: EntryFields): Buffer {
  const body = Buffer.from(content)
  const header = Buffer.from(encodeTarHeader('', 'file', size ?? body.length).subarray(-BLOCK_BYTES))
  header.write(name, 0, 100)
  header.write(type, 156)
  if (link) header.write(link, 157)
  return Buffer.concat([withChecksum(header), body, makePadding(body.length)])
}

export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** Encodes a pax record, which changes the next entry. */
export function pax(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  const length = [1, 2, 3, 4]
    .map((digits) => Buffer.byteLength(rest) + digits)
    .find((n, i) => String(n).length === i + 1)
  return entry({ name: 'pax', type: 'x', content: `${length}${rest}` })
}

export const end = Buffer.alloc(2 * BLOCK_BYTES)

export const archive = (...entries: Uint8Array[]): Buffer => Buffer.concat([...entries, end])

/** Yields bytes in chunks of a size, as a connection might deliver them. */
export async function* arriving(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
