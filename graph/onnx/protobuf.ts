// The part of the Protocol Buffers wire format that ONNX models need (protobuf.dev/programming-guides/encoding).

type Field = readonly [number: number, value: FieldValue]
type FieldValue = number | bigint | string | Bytes | { float: number } | undefined

/** Encoded bytes in pieces, so that a message with large tensors is not copied by each message around it. */
export interface Bytes {
  readonly length: number
  readonly pieces: readonly Uint8Array[]
}

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** Encodes a message. Fields whose value is undefined are omitted. */
export function message(...fields: Field[]): Bytes {
  return toBytes(fields.flatMap(([number, value]) => (value === undefined ? [] : encode(number, value))))
}

/** Returns one field per value, all with the same number. */
export const repeated = (number: number, values: readonly FieldValue[]): Field[] =>
  values.map((value) => [number, value])

/** Returns the value of an IEEE 754 single-precision field. */
export const float32 = (value: number) => ({ float: value })

function encode(number: number, value: Exclude<FieldValue, undefined>): Uint8Array[] {
  if (typeof value === 'number' || typeof value === 'bigint') return [varint((number << 3) | VARINT), varint(value)]
  if (typeof value === 'object' && 'float' in value)
    return [varint((number << 3) | FIXED_32), new Uint8Array(new Float32Array([value.float]).buffer)]
  const { length, pieces } = typeof value === 'string' ? toBytes([new TextEncoder().encode(value)]) : value
  return [varint((number << 3) | LENGTH_DELIMITED), varint(length), ...pieces]
}

/** Encodes a varint. Negative numbers take ten bytes, as 64-bit two's complement. */
function varint(value: number | bigint): Uint8Array {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    out.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Uint8Array.from(out)
}

/** Shorter pieces are joined. */
const MIN_PIECE_BYTES = 2 ** 16

/** Returns bytes in as few pieces as possible without copying long ones. */
export function toBytes(parts: readonly Uint8Array[]): Bytes {
  const pieces: Uint8Array[] = []
  let short: Uint8Array[] = []
  const joinShort = () => {
    if (short.length > 0) pieces.push(joinBytes(short))
    short = []
  }
  for (const part of parts)
    if (part.length < MIN_PIECE_BYTES) short.push(part)
    else {
      joinShort()
      pieces.push(part)
    }
  joinShort()
  return { length: pieces.reduce((n, { length }) => n + length, 0), pieces }
}

/** Returns pieces as one array. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(pieces.reduce((n, { length }) => n + length, 0))
  let offset = 0
  for (const piece of pieces) {
    result.set(piece, offset)
    offset += piece.length
  }
  return result
}
