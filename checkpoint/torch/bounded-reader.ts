import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { RandomAccessReader } from 'yauzl'

/** Few enough bytes for the heap, and so many that a read costs more than its call. */
const CHUNK_BYTES = 1 << 18

/**
 * Reads a file for yauzl, and refuses offsets outside it. yauzl's own reader passes a damaged offset to Node, which
 * throws in a callback where nobody can catch it. The file stays open when the archive is closed.
 */
export class BoundedReader extends RandomAccessReader {
  readonly #file: FileHandle
  readonly #size: number

  constructor(file: FileHandle, size: number) {
    super()
    this.#file = file
    this.#size = size
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: Done): void {
    this.#readRange(buffer.subarray(offset, offset + length), position).then(() => callback(null, length), callback)
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#chunks(start, end))
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += CHUNK_BYTES) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at))
      await this.#readRange(chunk, at)
      yield chunk
    }
  }

  async #readRange(target: Buffer, position: number): Promise<void> {
    const isInside = position >= 0 && position + target.length <= this.#size
    const bytesRead = isInside ? (await this.#file.read(target, 0, target.length, position)).bytesRead : 0
    if (bytesRead < target.length) throw new Error('an offset points outside the file')
  }
}

type Done = (error: Error | null, bytesRead?: number) => void
