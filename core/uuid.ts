import { randomBytes } from 'node:crypto'

let last = 0
let counter = 0

/**
 * Returns a UUID that sorts by its time of creation (RFC 9562, version 7). Ids that one process creates within the same
 * millisecond also sort in order: 12 bits count up from a random start (method 1 of section 6.2).
 */
export function uuidv7(): string {
  const bytes = randomBytes(16)
  const now = Date.now()
  if (now > last) {
    last = now
    counter = bytes.readUInt16BE(6) & 0x7ff
  } else if (++counter > 0xfff) {
    // The counter has overflowed: borrow the next millisecond, which the clock is about to reach.
    last++
    counter = 0
  }
  bytes.writeUIntBE(last, 0, 6)
  bytes.writeUInt16BE(0x7000 | counter, 6)
  bytes[8] = 0x80 | (bytes[8] & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Checks for a UUID of any version, in upper or lower case. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
