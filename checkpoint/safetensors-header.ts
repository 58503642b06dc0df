import { type ErrorDetail, fail } from '../core/errors.ts'

/** What a file may hold; everything is f32 in memory. */
export type StoredDtype = 'F32' | 'F16' | 'BF16'

export const BYTES: Record<StoredDtype, number> = { F32: 4, F16: 2, BF16: 2 }

export interface Entry {
  name: string
  dtype: StoredDtype
  shape: readonly number[]
  /** Bytes from the end of the header. */
  begin: number
  end: number
}

export interface Header {
  /** In the order of their bytes, which they fill without a gap. */
  entries: readonly Entry[]
  metadata?: Readonly<Record<string, string>>
}

/** The bound of the safetensors library. */
const MAX_HEADER = 100_000_000

/**
 * The length of the JSON that follows the first 8 bytes.
 * @param fileSize bytes of the whole file
 * @throws GraftError `checkpoint_corrupt` where it cannot be one
 */
export function headerLength(first: Uint8Array, fileSize: number, file: string): number {
  if (fileSize < 10 || first.length < 8) corrupt(file, 'a header', `${fileSize} bytes`)
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(Math.min(MAX_HEADER, fileSize - 8)))
    corrupt(file, `a header within its ${fileSize} bytes`, `one of ${length} bytes`)
  return Number(length)
}

/**
 * Reads the header strictly: known fields alone, no name twice, ranges that fit their shapes and fill the data exactly.
 * @param dataSize bytes that follow the header
 * @throws GraftError `checkpoint_corrupt`, or `checkpoint_tensors` for an element type that Graft does not read
 */
export function parseHeader(json: Uint8Array, dataSize: number, file: string): Header {
  const header = parseObject(json, file)
  const { __metadata__: metadata, ...tensors } = header
  const entries = Object.entries(tensors)
    .map(([name, value]) => parseEntry(name, value, file))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      corrupt(
        `${file}, ${name}`,
        `data from byte ${at}`,
        `data from ${begin}, ${begin < at ? 'over another' : 'after a gap'}`,
      )
    at = end
  }
  if (at !== dataSize)
    corrupt(file, `${at} bytes of data`, `${dataSize}${dataSize < at ? ': the file is cut off' : ''}`)
  return { entries, ...(metadata !== undefined && { metadata: parseMetadata(metadata, file) }) }
}

function parseObject(json: Uint8Array, file: string): Record<string, unknown> {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json)
    value = JSON.parse(text)
  } catch (error) {
    return corrupt(file, 'a header of JSON', (error as Error).message)
  }
  if (!text.startsWith('{') || !isRecord(value))
    return corrupt(file, 'a header that is a JSON object', text.slice(0, 20))
  const twice = repeatedKey(text)
  if (twice !== undefined) corrupt(`${file}, ${twice}`, 'a name that stands once', 'the same name again')
  return value
}

function parseEntry(name: string, value: unknown, file: string): Entry {
  const subject = `${file}, ${name}`
  if (!isRecord(value) || Object.keys(value).sort().join() !== 'data_offsets,dtype,shape')
    return corrupt(subject, 'dtype, shape and data_offsets', JSON.stringify(value))
  const { dtype, shape, data_offsets: range } = value
  if (!isSizes(shape)) return corrupt(subject, 'a shape of whole numbers', JSON.stringify(shape))
  if (!isSizes(range) || range.length !== 2) return corrupt(subject, 'two data_offsets', JSON.stringify(range))
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) return unreadable(subject, dtype)
  const [begin, end] = range
  const bytes = shape.reduce((a, b) => a * b, BYTES[dtype as StoredDtype])
  if (end - begin !== bytes) corrupt(subject, `${bytes} bytes for ${dtype} [${shape.join(', ')}]`, `${end - begin}`)
  return { name, dtype: dtype as StoredDtype, shape, begin, end }
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (isRecord(value) && Object.values(value).every((v) => typeof v === 'string'))
    return value as Record<string, string>
  return corrupt(`${file}, __metadata__`, 'texts by name', JSON.stringify(value))
}

/** A key that an object of valid JSON has twice, which JSON.parse passes over. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, string, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (colon) {
      const key: string = JSON.parse(string)
      if (open[open.length - 1].has(key)) return key
      open[open.length - 1].add(key)
    }
  }
  return undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)

const FIX = 'Copy or download the file again.'

function corrupt(subject: string, expected: string, found: string): never {
  fail('checkpoint_corrupt', { subject, expected, found, fix: FIX } satisfies ErrorDetail)
}

function unreadable(subject: string, dtype: unknown): never {
  fail('checkpoint_tensors', {
    subject,
    expected: `numbers of type ${Object.keys(BYTES).join(', ')}`,
    found: String(dtype),
    fix: 'Save the checkpoint again in float32, float16 or bfloat16.',
  })
}
