import type { Random } from '../core/random.ts'

/** Bytes that mean something in a length, an offset, a text or a pickle. */
const TELLING = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x2c, 0x2d, 0x39, 0x5b, 0x7b, 0x7d, 0x2e, 0x28, 0x4a, 0x58, 0x63, 0x52,
]

/** Returns a damaged copy of a file: with other bytes, without some, with some twice, or cut off. */
export function damage(intact: Buffer, random: Random): Buffer {
  let damaged: Buffer = Buffer.from(intact)
  for (let changes = 1 + random.integer(4); changes > 0; changes--) damaged = change(damaged, random)
  return damaged
}

function change(content: Buffer, { integer }: Random): Buffer {
  if (content.length === 0) return content
  // The beginning and the end hold the structure. Numbers fill the middle.
  const near = Math.min(content.length, 2048)
  const at = [integer(content.length), integer(near), content.length - 1 - integer(near)][integer(3)]
  const length = 1 + integer(16)
  switch (integer(10)) {
    case 0:
      return content.subarray(0, at)
    case 1:
      return Buffer.concat([content.subarray(0, at), content.subarray(at + length)])
    case 2:
      return Buffer.concat([content.subarray(0, at + length), content.subarray(at)])
    default:
      content[at] = integer(2) === 0 ? integer(256) : TELLING[integer(TELLING.length)]
      return content
  }
}
