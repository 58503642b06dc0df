import type { Hash } from 'node:crypto'
import { createReadStream, fstatSync } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fail } from '../../core/errors.ts'
import { type DataLimits, maxContentBytes } from './limits.ts'

const READ_BYTES = 2 ** 18

/** A file to read. */
export interface DataFile {
  path: string
  /** The descriptor of the open file. If it is set, the path only names the file in errors. */
  fd?: number
}

/**
 * Yields the bytes of a file, decompressed. `hash` receives them as they are on the disk.
 * @throws GraftError `file_missing`; `data_format` if the gzip is damaged; `data_too_large`
 */
export async function* readContents(file: DataFile, hash: Hash, limits: DataLimits): AsyncGenerator<Buffer> {
  const { path } = file
  const maxBytes = maxContentBytes(limits, await sizeOf(file))
  let bytes = 0
  for await (const chunk of decompress(path, readHashed(file, hash))) {
    bytes += chunk.length
    if (bytes > maxBytes) throwTooLarge(path, maxBytes, limits)
    yield chunk
  }
}

/** The beginning of a stream, and the whole stream. */
export interface Peeked {
  head: Buffer
  /** True if the stream has no more bytes than these. */
  isWhole: boolean
  chunks: AsyncGenerator<Buffer>
}

/**
 * Reads the beginning of a stream, at least as many bytes as requested unless the stream ends before. The bytes are
 * still in `chunks`.
 */
export async function peek(stream: AsyncGenerator<Buffer>, minBytes: number): Promise<Peeked> {
  const parts: Buffer[] = []
  let bytes = 0
  let isWhole = false
  while (bytes < minBytes && !isWhole) {
    const { value, done } = await stream.next()
    isWhole = done === true
    if (done) break
    parts.push(value)
    bytes += value.length
  }
  const head = Buffer.concat(parts)
  const chunks = (async function* () {
    if (head.length > 0) yield head
    yield* stream
  })()
  return { head, isWhole, chunks }
}

/** Yields the bytes of a file, decompressed if they are gzip. */
async function* decompress(path: string, stored: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const { head, chunks } = await peek(stored, 2)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* chunks
  try {
    const gunzip = createGunzip({ chunkSize: READ_BYTES })
    yield* pipeline(Readable.from(chunks), gunzip, () => {}) as AsyncIterable<Buffer>
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string' || !code.startsWith('Z_')) throw error
    const found = code === 'Z_BUF_ERROR' ? 'one that ends early' : 'a damaged one'
    throwFormat(path, {
      expected: 'a complete gzip file',
      found,
      fix: 'Copy or download the file again. gzip -t tests it.',
    })
  }
}

async function* readHashed({ path, fd }: DataFile, hash: Hash): AsyncGenerator<Buffer> {
  // With a position, a stream does not depend on where an earlier reader of the descriptor stopped.
  const stream = createReadStream(path, { fd, start: 0, autoClose: fd === undefined, highWaterMark: READ_BYTES })
  for await (const chunk of stream) {
    hash.update(chunk)
    yield chunk
  }
}

async function sizeOf({ path, fd }: DataFile): Promise<number> {
  if (fd !== undefined) return fstatSync(fd).size
  const file = await stat(path).catch(() => throwMissing(path, 'does not exist'))
  if (file.isDirectory())
    throwFormat(path, { expected: 'a file of reviews', found: 'a folder', fix: 'Name a file in the folder.' })
  await access(path, constants.R_OK).catch(() => throwMissing(path, 'is not readable'))
  return file.size
}

function throwTooLarge(path: string, maxBytes: number, { bytes, ratio, freeBytes }: DataLimits): never {
  const rule = maxBytes < bytes ? ` (${freeBytes} and ${ratio} for each byte of the file)` : ''
  const expected = `at most ${maxBytes} bytes after decompression${rule}`
  return fail('data_too_large', { subject: path, expected, found: 'more', fix: 'Divide the file, or remove rows.' })
}

function throwMissing(path: string, problem: string): never {
  return fail('file_missing', { subject: path, problem, fix: 'Check the path of the file of reviews.' })
}

export function throwFormat(subject: string, detail: { expected: string; found: string; fix: string }): never {
  return fail('data_format', { subject, ...detail })
}
