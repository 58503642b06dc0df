import { randomBytes } from 'node:crypto'

let last = 0
let counter = 0

/**
 * An id that sorts by the time it was made (RFC 9562, version 7). Those that one process makes within a millisecond sort in the
 * order of their making, too: 12 bits count up from a random start (its method 1).
 */
export function uuidv7(): string {
  const bytes = randomBytes(16)
  const now = Date.now()
  if (now > last) {
    last = now
    counter = bytes.readUInt16BE(6) & 0x7ff
  } else if (++counter > 0xfff) {
    // More than the counter holds: borrow the next millisecond, which the clock reaches at once.
    last++
    counter = 0
  }
  bytes.writeUIntBE(last, 0, 6)
  bytes.writeUInt16BE(0x7000 | counter, 6)
  bytes[8] = 0x80 | (bytes[8] & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Any version, in either case. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
