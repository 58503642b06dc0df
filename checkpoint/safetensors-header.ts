import { describeJson, describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { isObject, type JsonObject, parseObject } from './files.ts'
import type { ReadLimits } from './limits.ts'

/** The element types that Graft reads. In memory, every tensor is f32. I8 is only part of {@link INT8_ROWS}. */
export type StoredDtype = 'F32' | 'F16' | 'BF16' | 'I8'

const BYTES_PER_NUMBER: Record<StoredDtype, number> = { F32: 4, F16: 2, BF16: 2, I8: 1 }

/** The storage form in which matrices are int8 with a scale for each row. */
export const INT8_ROWS = 'int8_rows'

/** The key of the metadata that names the storage form of a file, if it is not plain numbers. */
export const STORAGE_KEY = 'graft_storage'

/** A tensor's entry in the header. */
export interface TensorEntry {
  name: string
  dtype: StoredDtype
  shape: readonly number[]
  /** The range of its bytes, counted from the end of the header. */
  begin: number
  end: number
}

export interface Header {
  /** In the order of their bytes, which follow each other without gaps. */
  entries: readonly TensorEntry[]
  /** The metadata, without the storage form. */
  metadata?: Readonly<Record<string, string>>
  /** The storage form. If it is not set, every tensor is plain numbers. */
  storage?: typeof INT8_ROWS
}

/**
 * Returns the length of the JSON that follows the first 8 bytes.
 * @param fileSize the size of the file in bytes
 * @throws GraftError `checkpoint_corrupt` if the file is too short for such a header, or the header is too long
 */
export function parseHeaderLength(
  first: Uint8Array,
  fileSize: number,
  file: string,
  { headerBytes }: Pick<ReadLimits, 'headerBytes'>,
): number {
  rejectLfsPointer(first, fileSize, file)
  if (fileSize < 10 || first.length < 8) throwCorrupt(file, 'a safetensors file', `a file of ${fileSize} bytes`)
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(fileSize - 8))
    throwCorrupt(file, `a header that fits in its ${fileSize} bytes`, `a header of ${length} bytes`)
  if (length > BigInt(headerBytes))
    throwCorrupt(file, `a header of at most ${headerBytes} bytes`, `a header of ${length} bytes`)
  return Number(length)
}

/** Git leaves a pointer in place of a file if its extension Git LFS is not installed (Git LFS specification). */
const LFS_POINTER = { start: 'version https://git-lfs.github.com/spec/', maxBytes: 1024 }

/**
 * @param first the first bytes of a file, at most eight
 * @throws GraftError `checkpoint_corrupt` if the file is a pointer
 */
export function rejectLfsPointer(first: Uint8Array, fileSize: number, file: string): void {
  const start = Buffer.from(first).toString('latin1')
  if (fileSize > LFS_POINTER.maxBytes || start === '' || !LFS_POINTER.start.startsWith(start)) return
  fail('checkpoint_corrupt', {
    subject: file,
    expected: 'a file of tensors',
    found: 'a Git LFS pointer, which stands for a file that was not downloaded',
    fix: 'Run git lfs install and git lfs pull in the repository, or download the file itself.',
  })
}

/**
 * Reads the header strictly: only known fields, no duplicate names, and ranges that fit their shapes and cover the data
 * exactly.
 * @param dataSize the number of bytes after the header
 * @param maxTensors the largest number of tensors
 * @throws GraftError `checkpoint_corrupt`, or `checkpoint_tensors` if there are too many tensors or Graft does not
 * support an element type
 */
export function parseHeader(json: Uint8Array, dataSize: number, file: string, maxTensors: number): Header {
  const header = parseUnique(json, file)
  const { __metadata__: allMetadata, ...tensors } = header
  const count = Object.keys(tensors).length
  if (count > maxTensors)
    fail('checkpoint_tensors', {
      subject: file,
      expected: `at most ${maxTensors} tensors`,
      found: String(count),
      fix: 'Save only the tensors of the checkpoint.',
    })
  const { storage, metadata } = allMetadata === undefined ? {} : parseMetadata(allMetadata, file)
  const entries = Object.entries(tensors)
    .map(([name, value]) => parseEntry(name, value, storage, file))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)
  let offset = 0
  for (const { name, begin, end } of entries) {
    if (begin !== offset)
      throwCorrupt(
        `${file}, ${name}`,
        `data from byte ${offset}`,
        `data from byte ${begin}, ${begin < offset ? 'which overlaps another tensor' : 'which leaves a gap'}`,
      )
    offset = end
  }
  if (offset !== dataSize)
    throwCorrupt(
      file,
      `${offset} bytes of tensor data`,
      `${dataSize}${dataSize < offset ? ', because the file is truncated' : ''}`,
    )
  return { entries, ...(metadata && { metadata }), ...(storage && { storage }) }
}

/** Parses an object in which no name occurs twice, of which JSON.parse would keep only the last. */
function parseUnique(json: Uint8Array, file: string): JsonObject {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json)
  } catch (error) {
    return throwCorrupt(file, 'a header in JSON', (error as Error).message)
  }
  if (!text.startsWith('{')) return throwCorrupt(file, 'a JSON object as its header', text.slice(0, 20))
  const value = parseObject(text, file)
  const repeated = findRepeatedKey(text)
  if (repeated !== undefined) throwCorrupt(`${file}, ${repeated}`, 'unique names in the header', 'this name twice')
  return value
}

/** Far more than any tensor has. Errors show names and shapes. */
const MAX_NAME_CHARACTERS = 1000
const MAX_DIMENSIONS = 16

function parseEntry(name: string, value: unknown, storage: Header['storage'], file: string): TensorEntry {
  if (name.length > MAX_NAME_CHARACTERS)
    throwCorrupt(file, `names of at most ${MAX_NAME_CHARACTERS} characters`, `one of ${name.length}`)
  const subject = `${file}, ${name}`
  if (!isObject(value) || Object.keys(value).sort().join() !== 'data_offsets,dtype,shape')
    return throwCorrupt(subject, 'dtype, shape and data_offsets', describeJson(value))
  const { dtype, shape, data_offsets: range } = value
  if (!isSizeList(shape) || shape.length > MAX_DIMENSIONS)
    return throwCorrupt(subject, `a shape of at most ${MAX_DIMENSIONS} whole numbers`, describeJson(shape))
  if (!isSizeList(range) || range.length !== 2) return throwCorrupt(subject, 'two data_offsets', describeJson(range))
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES_PER_NUMBER, dtype))
    return throwUnsupportedType(subject, describeValue(dtype))
  if (dtype === 'I8' && !storage) return throwUnsupportedType(subject, `I8, without ${STORAGE_KEY} in the metadata`)
  const [begin, end] = range
  const bytes = shape.reduce((a, b) => a * b, BYTES_PER_NUMBER[dtype as StoredDtype])
  if (end - begin !== bytes)
    throwCorrupt(subject, `${bytes} bytes for ${dtype} [${shape.join(', ')}]`, `${end - begin}`)
  return { name, dtype: dtype as StoredDtype, shape, begin, end }
}

function parseMetadata(value: unknown, file: string): Pick<Header, 'metadata' | 'storage'> {
  const subject = `${file}, __metadata__`
  if (!isObject(value) || !Object.values(value).every((v) => typeof v === 'string'))
    return throwCorrupt(subject, 'an object whose values are strings', describeJson(value))
  const { [STORAGE_KEY]: storage, ...metadata } = value as Record<string, string>
  if (storage === undefined) return { metadata }
  if (storage === INT8_ROWS) return { storage, ...(Object.keys(metadata).length > 0 && { metadata }) }
  return fail('checkpoint_tensors', {
    subject: `${subject}, ${STORAGE_KEY}`,
    expected: INT8_ROWS,
    found: describeJson(storage),
    fix: FIX_TYPE,
  })
}

/** Returns a key that an object in valid JSON contains twice. */
function findRepeatedKey(json: string): string | undefined {
  const open: Set<string>[] = []
  // A repeated group for each character would exhaust the stack of the pattern in a long name.
  for (const [token, string, colon] of json.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g)) {
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

const isSizeList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)

function throwCorrupt(subject: string, expected: string, found: string): never {
  fail('checkpoint_corrupt', { subject, expected, found, fix: 'Copy or download the file again.' })
}

const FIX_TYPE = 'Save the checkpoint again in float32, float16 or bfloat16.'

function throwUnsupportedType(subject: string, found: string): never {
  fail('checkpoint_tensors', { subject, expected: 'the element type F32, F16 or BF16', found, fix: FIX_TYPE })
}
