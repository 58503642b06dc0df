import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { fail } from '../core/errors.ts'
import { sizeOfShape, type TensorData, type TensorShape } from '../model/tensor-shapes.ts'
import { openRegularFile } from './files.ts'
import { fromBf16, fromF16 } from './half-floats.ts'
import { checkScales, findScales, fromInt8Rows, type StoredTensor, toInt8Rows } from './int8-rows.ts'
import type { ReadLimits } from './limits.ts'
import {
  type Header,
  type INT8_ROWS,
  parseHeader,
  parseHeaderLength,
  STORAGE_KEY,
  type StoredDtype,
  type TensorEntry,
} from './safetensors-header.ts'
import type { OpenTensorFile, TensorFile } from './tensor-file.ts'

/**
 * Opens a safetensors file strictly. f16, bf16 and int8 rows become f32.
 * @throws GraftError `file_missing`, `checkpoint_corrupt` or `checkpoint_tensors`
 */
export async function openSafetensors(path: string, limits: ReadLimits): Promise<OpenTensorFile> {
  const file = await openFile(path, limits)
  const { header, isScale, handle } = file
  return {
    shapes: new Map(
      header.entries.flatMap((entry) => (isScale.has(entry) ? [] : [[entry.name, { shape: entry.shape }]])),
    ),
    entries: header.entries.length,
    read: (allocate) => readTensors(file, allocate),
    close: () => handle.close(),
  }
}

interface OpenFile {
  file: string
  handle: FileHandle
  head: Uint8Array
  header: Header
  /** The scales of each int8 tensor, by its name. */
  scales: ReadonlyMap<string, TensorEntry>
  isScale: ReadonlySet<TensorEntry>
}

async function openFile(path: string, limits: ReadLimits): Promise<OpenFile> {
  const file = basename(path)
  const { handle, size } = await openRegularFile(path)
  try {
    const first = await readFully(handle, new Uint8Array(Math.min(8, size)), 0, file)
    const length = parseHeaderLength(first, size, file, limits)
    const head = await readFully(handle, new Uint8Array(8 + length), 0, file)
    const header = parseHeader(head.subarray(8), size - 8 - length, file, limits.tensors)
    const scales = findScales(header, file)
    return { file, handle, head, header, scales, isScale: new Set(scales.values()) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readTensors(
  { file, handle, head, header, scales, isScale }: OpenFile,
  allocate: (tensor: TensorShape) => Float32Array,
): Promise<TensorFile> {
  const hash = createHash('sha256').update(head)
  const tensors = new Map<string, TensorData>()
  const read = <T extends Uint8Array>(bytes: T, { begin }: TensorEntry) =>
    readFully(handle, bytes, head.length + begin, file)
  // Scales may be anywhere in the file, so they are read out of turn when their tensor is.
  const readScales = async (entry: TensorEntry) => {
    const values = new Float32Array(sizeOfShape(entry.shape))
    await read(asBytes(values), entry)
    return checkScales(values, `${file}, ${entry.name}`)
  }
  for (const entry of header.entries) {
    if (isScale.has(entry)) {
      hash.update(await read(new Uint8Array(entry.end - entry.begin), entry))
      continue
    }
    const data = allocate(entry)
    const bytes = entry.dtype === 'F32' ? asBytes(data) : new Uint8Array(entry.end - entry.begin)
    hash.update(await read(bytes, entry))
    if (entry.dtype === 'F16') fromF16(new Uint16Array(bytes.buffer), data)
    if (entry.dtype === 'BF16') fromBf16(new Uint16Array(bytes.buffer), data)
    if (entry.dtype === 'I8')
      fromInt8Rows(new Int8Array(bytes.buffer), await readScales(scales.get(entry.name) as TensorEntry), data)
    tensors.set(entry.name, { shape: entry.shape, data })
  }
  return { tensors, ...(header.metadata && { metadata: header.metadata }), sha256: hash.digest('hex') }
}

/** Returns the bytes of numbers, without a copy. */
export const asBytes = (numbers: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

async function readFully<T extends Uint8Array>(
  handle: FileHandle,
  into: T,
  position: number,
  file: string,
): Promise<T> {
  for (let at = 0; at < into.length; ) {
    // A read call returns at most 2 GiB.
    const { bytesRead } = await handle.read(into, at, Math.min(into.length - at, 2 ** 30), position + at)
    if (bytesRead === 0)
      fail('checkpoint_corrupt', {
        subject: file,
        problem: `is truncated: it ends after ${position + at} of at least ${position + into.length} bytes`,
        fix: 'Copy or download the file again.',
      })
    at += bytesRead
  }
  return into
}

/**
 * Returns the bytes of a safetensors file, in pieces, as the safetensors library writes it: names in the order of their
 * UTF-8 bytes, and the header padded with spaces to a multiple of 8 bytes. The same tensors give the same bytes.
 * @param options `storage` makes matrices int8 rows; every tensor must then be finite. Defaults to f32
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  { metadata, storage }: { metadata?: Readonly<Record<string, string>>; storage?: typeof INT8_ROWS } = {},
): Uint8Array[] {
  const stored = storage ? toInt8Rows(tensors) : tensors
  const names = [...stored.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const pieces: Uint8Array[] = []
  const marked = storage ? { ...metadata, [STORAGE_KEY]: storage } : metadata
  const header: [string, unknown][] = marked ? [['__metadata__', marked]] : []
  let offset = 0
  for (const name of names) {
    const { shape, data } = stored.get(name) as StoredTensor
    const dtype: StoredDtype = data instanceof Int8Array ? 'I8' : 'F32'
    pieces.push(asBytes(data))
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }])
    offset += data.byteLength
  }
  // JSON.stringify of a single object would put names that look like whole numbers first.
  const json = `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`
  const text = Buffer.from(json)
  const length = Math.ceil(text.length / 8) * 8
  const head = Buffer.alloc(8 + length, ' ')
  head.writeBigUInt64LE(BigInt(length))
  head.set(text, 8)
  return [head, ...pieces]
}
