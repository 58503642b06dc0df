import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BLOCK, padding, tarHeader } from '../../../platform/artifacts/tar-header.ts'

/** Paths of files with their bytes; of empty folders, with a slash at the end, without. */
export type Tree = Readonly<Record<string, Uint8Array | undefined>>

export function writeTree(dir: string, tree: Tree): void {
  mkdirSync(dir, { recursive: true })
  for (const [path, bytes] of Object.entries(tree)) {
    mkdirSync(join(dir, bytes ? dirname(path) : path), { recursive: true })
    if (bytes) writeFileSync(join(dir, path), bytes)
  }
}

/** What a folder holds, in comparable form; anything but a file or a folder is told as that. */
export function readTree(dir: string): Record<string, string> {
  const found = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name)
    const told = entry.isFile() ? readFileSync(path).toString('hex') : entry.isDirectory() ? 'folder' : 'something else'
    return [path.slice(dir.length + 1), told]
  })
  return Object.fromEntries(found.sort())
}

interface Made {
  name: string
  /** The flag of its kind: 0 a file, 1 a hard link, 2 a symbolic link, 3 and 4 devices, 5 a folder, 6 a pipe, x pax records. */
  type?: string
  content?: string | Uint8Array
  /** What the header says, where that is not so. */
  size?: number
  link?: string
}

/** An entry as somebody ill-disposed might make it: any kind, any name, any size. */
export function entry({ name, type = '0', content = '', size, link }: Made): Buffer {
  const body = Buffer.from(content)
  const header = Buffer.from(tarHeader('', 'file', size ?? body.length).subarray(-BLOCK))
  header.write(name, 0, 100)
  header.write(type, 156)
  if (link) header.write(link, 157)
  return Buffer.concat([withChecksum(header), body, padding(body.length)])
}

export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** A pax record that changes the entry after it. */
export function pax(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  const length = [1, 2, 3, 4]
    .map((digits) => Buffer.byteLength(rest) + digits)
    .find((n, i) => String(n).length === i + 1)
  return entry({ name: 'pax', type: 'x', content: `${length}${rest}` })
}

export const end = Buffer.alloc(2 * BLOCK)

export const archive = (...entries: Uint8Array[]): Buffer => Buffer.concat([...entries, end])

/** Bytes in pieces of a size, as a connection might bring them. */
export async function* arriving(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
