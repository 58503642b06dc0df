import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { fail } from '../core/errors.ts'
import { fromBf16, fromF16, toBf16 } from './half-floats.ts'
import { type Entry, type Header, headerLength, parseHeader } from './safetensors-header.ts'

/** A tensor as files hold it: its shape and its numbers, row by row, in f32. */
export interface StoredTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata?: Readonly<Record<string, string>>
  /** SHA-256 of the file's bytes, hex. */
  readonly sha256: string
}

/** Cache lines and the widest vector loads are 64 bytes. */
const ALIGNMENT = 64

/**
 * Reads a file of safetensors strictly; f16 and bf16 become f32.
 * @throws GraftError `file_missing`, `checkpoint_corrupt` or `checkpoint_tensors`
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const [file] = await readSafetensorsFiles([path], false)
  return file
}

/**
 * Reads several files into one buffer, of which every tensor is a view that begins at a multiple of 64 bytes.
 * @param shared whether that buffer is a SharedArrayBuffer, so that worker threads need no copy
 */
export async function readSafetensorsFiles(paths: readonly string[], shared: boolean): Promise<SafetensorsFile[]> {
  const opened: Opened[] = []
  try {
    for (const path of paths) opened.push(await openFile(path))
    const size = opened.flatMap(({ header }) => header.entries).reduce((at, entry) => aligned(at + bytesOf(entry)), 0)
    const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size)
    let at = 0
    const place = (entry: Entry) => {
      const view = new Float32Array(buffer, at, bytesOf(entry) / 4)
      at = aligned(at + bytesOf(entry))
      return view
    }
    const files: SafetensorsFile[] = []
    for (const file of opened) files.push(await readTensors(file, place))
    return files
  } finally {
    for (const { handle } of opened) await handle.close()
  }
}

interface Opened {
  file: string
  handle: FileHandle
  head: Uint8Array
  header: Header
}

async function openFile(path: string): Promise<Opened> {
  const file = basename(path)
  const handle = await open(path).catch((error) =>
    fail('file_missing', { subject: path, expected: 'a file', found: error.code, fix: 'Check the path.' }, error),
  )
  try {
    const stat = await handle.stat()
    if (!stat.isFile())
      fail('file_missing', { subject: path, expected: 'a file', found: 'a folder', fix: 'Check the path.' })
    const { size } = stat
    const first = await readFully(handle, new Uint8Array(Math.min(8, size)), 0, file)
    const length = headerLength(first, size, file)
    const head = await readFully(handle, new Uint8Array(8 + length), 0, file)
    return { file, handle, head, header: parseHeader(head.subarray(8), size - 8 - length, file) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readTensors(
  { file, handle, head, header }: Opened,
  place: (entry: Entry) => Float32Array,
): Promise<SafetensorsFile> {
  const hash = createHash('sha256').update(head)
  const tensors = new Map<string, StoredTensor>()
  for (const entry of header.entries) {
    const data = place(entry)
    const bytes = entry.dtype === 'F32' ? bytesIn(data) : new Uint8Array(entry.end - entry.begin)
    hash.update(await readFully(handle, bytes, head.length + entry.begin, file))
    if (entry.dtype === 'F16') fromF16(new Uint16Array(bytes.buffer), data)
    if (entry.dtype === 'BF16') fromBf16(new Uint16Array(bytes.buffer), data)
    tensors.set(entry.name, { shape: entry.shape, data })
  }
  return { tensors, ...(header.metadata && { metadata: header.metadata }), sha256: hash.digest('hex') }
}

/** The bytes of numbers, without a copy. */
export const bytesIn = (numbers: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

async function readFully<T extends Uint8Array>(
  handle: FileHandle,
  into: T,
  position: number,
  file: string,
): Promise<T> {
  for (let at = 0; at < into.length; ) {
    // One read call returns 2 GiB at most.
    const { bytesRead } = await handle.read(into, at, Math.min(into.length - at, 2 ** 30), position + at)
    if (bytesRead === 0)
      fail('checkpoint_corrupt', {
        subject: file,
        expected: `${position + into.length} bytes`,
        found: `${position + at}: the file is cut off`,
        fix: 'Copy or download the file again.',
      })
    at += bytesRead
  }
  return into
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

const bytesOf = ({ shape }: Entry): number => shape.reduce((a, b) => a * b, 4)

/**
 * The bytes of a file of safetensors, in pieces, as the safetensors library writes it: names in the order of their UTF-8 bytes, the
 * header filled up with spaces to a multiple of 8. The same tensors give the same bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  { metadata, dtype = 'F32' }: { metadata?: Readonly<Record<string, string>>; dtype?: 'F32' | 'BF16' } = {},
): Uint8Array[] {
  const names = [...tensors.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const pieces: Uint8Array[] = []
  const header: [string, unknown][] = metadata ? [['__metadata__', metadata]] : []
  let at = 0
  for (const name of names) {
    const { shape, data } = tensors.get(name) as StoredTensor
    const stored = dtype === 'BF16' ? toBf16(data) : data
    pieces.push(bytesIn(stored))
    header.push([name, { dtype, shape, data_offsets: [at, at + stored.byteLength] }])
    at += stored.byteLength
  }
  // Not JSON.stringify of one object: that would put names that look like whole numbers first.
  const json = `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`
  const text = Buffer.from(json)
  const length = Math.ceil(text.length / 8) * 8
  const head = Buffer.alloc(8 + length, ' ')
  head.writeBigUInt64LE(BigInt(length))
  head.set(text, 8)
  return [head, ...pieces]
}
