import type { EntryKind } from './archive-names.ts'

export const BLOCK_BYTES = 512

const MAX_NAME_BYTES = 100
const MAX_SIZE_BYTES = 0o77777777777

/**
 * Encodes the header of an entry by POSIX.1-2001: ustar, with a pax record if the name or the size needs one. Owner,
 * time and mode are fixed, so that the bytes depend only on the names and contents, and not on the machine or the
 * version of a library.
 */
export function encodeTarHeader(name: string, kind: EntryKind, bytes: number): Buffer {
  const records: Record<string, string> = {}
  // Only pax records define the encoding of names that are not ASCII.
  if (!/^[\x20-\x7e]*$/.test(name) || name.length > MAX_NAME_BYTES) records.path = name
  if (bytes > MAX_SIZE_BYTES) records.size = String(bytes)
  const type = kind === 'folder' ? '5' : '0'
  const header = encodeBlock(records.path ? 'named-by-pax' : name, type, records.size ? 0 : bytes)
  const pax = Buffer.from(Object.entries(records).map(encodeRecord).join(''))
  return pax.length
    ? Buffer.concat([encodeBlock('pax', 'x', pax.length), pax, makePadding(pax.length), header])
    : header
}

/** Returns the zeros that fill the last block of content with this size. */
export const makePadding = (bytes: number): Buffer => Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES)

function encodeBlock(name: string, type: string, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name, 0)
  header.write(octal(type === '5' ? 0o755 : 0o644, 7), 100)
  header.write(octal(0, 7) + octal(0, 7), 108)
  header.write(octal(bytes, 11) + octal(0, 11), 124)
  // The checksum is computed with spaces in its place.
  header.write(`        ${type}`, 148)
  header.write('ustar\x0000', 257)
  header.write(octal(0, 7) + octal(0, 7), 329)
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  )
  return header
}

/** Encodes a pax record, which starts with its own length in decimal digits, including those digits. */
function encodeRecord([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}
