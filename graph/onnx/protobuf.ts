// The part of the Protocol Buffers wire format that ONNX models need (protobuf.dev/programming-guides/encoding).

type Field = readonly [number: number, value: FieldValue]
type FieldValue = number | bigint | string | Uint8Array | { float: number } | undefined

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** Encodes a message. Fields whose value is undefined are omitted. */
export function message(...fields: Field[]): Uint8Array {
  return concatBytes(fields.flatMap(([number, value]) => (value === undefined ? [] : encode(number, value))))
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
  const data = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return [varint((number << 3) | LENGTH_DELIMITED), varint(data.length), data]
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

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}
