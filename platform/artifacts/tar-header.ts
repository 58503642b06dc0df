import type { EntryKind } from './archive-names.ts'

export const BLOCK = 512

const LONGEST_NAME = 100
const LARGEST_SIZE = 0o77777777777

/**
 * The header of an entry as POSIX.1-2001 has it (ustar, with a pax record where a name or a size needs one). Owner, time and mode are fixed:
 * bytes follow from the names and the contents alone, on any machine and with any version of any library.
 */
export function tarHeader(name: string, kind: EntryKind, bytes: number): Buffer {
  const records: Record<string, string> = {}
  // Names in other characters than ASCII have one encoding only in pax records.
  if (!/^[\x20-\x7e]*$/.test(name) || name.length > LONGEST_NAME) records.path = name
  if (bytes > LARGEST_SIZE) records.size = String(bytes)
  const type = kind === 'folder' ? '5' : '0'
  const own = block(records.path ? 'named-by-pax' : name, type, records.size ? 0 : bytes)
  const pax = Buffer.from(Object.entries(records).map(record).join(''))
  return pax.length ? Buffer.concat([block('pax', 'x', pax.length), pax, padding(pax.length), own]) : own
}

/** The zeros that fill the last block of so many bytes. */
export const padding = (bytes: number): Buffer => Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK)

function block(name: string, type: string, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name, 0)
  header.write(octal(type === '5' ? 0o755 : 0o644, 7), 100)
  header.write(octal(0, 7) + octal(0, 7), 108)
  header.write(octal(bytes, 11) + octal(0, 11), 124)
  // The checksum is taken with blanks in its place.
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

/** A pax record begins with its own length in decimal digits, those digits included. */
function record([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}
