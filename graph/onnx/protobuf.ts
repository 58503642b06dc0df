/** The wire format of Protocol Buffers, as far as ONNX models need it (protobuf.dev/programming-guides/encoding). */

type Field = readonly [number: number, value: FieldValue]
type FieldValue = number | bigint | string | Uint8Array | { float: number } | undefined

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** A message from its fields; an undefined value leaves the field out. */
export function message(...fields: Field[]): Uint8Array {
  return bytes(fields.flatMap(([number, value]) => (value === undefined ? [] : encode(number, value))))
}

/** The same field once for each value. */
export const repeated = (number: number, values: readonly FieldValue[]): Field[] =>
  values.map((value) => [number, value])

/** An IEEE 754 single-precision field. */
export const float32 = (value: number) => ({ float: value })

function encode(number: number, value: Exclude<FieldValue, undefined>): Uint8Array[] {
  if (typeof value === 'number' || typeof value === 'bigint') return [varint((number << 3) | VARINT), varint(value)]
  if (typeof value === 'object' && 'float' in value)
    return [varint((number << 3) | FIXED_32), new Uint8Array(new Float32Array([value.float]).buffer)]
  const data = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return [varint((number << 3) | LENGTH_DELIMITED), varint(data.length), data]
}

/** Negative numbers take ten bytes, as two's complement of 64 bits. */
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

function bytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
