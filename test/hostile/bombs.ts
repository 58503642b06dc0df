import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { encodeTarHeader, makePadding } from '../../platform/artifacts/tar-header.ts'
import { end } from '../platform/artifacts/archives.ts'
import type { Files } from './target.ts'

const MIB = 2 ** 20

/** Content that is made while it is sent. */
export interface Stream {
  readonly bytes: number
  readonly chunks: () => Iterable<Buffer>
}

/** Returns one block again and again. */
export function* repeat(block: string | Uint8Array, bytes: number): Generator<Buffer> {
  const once = Buffer.from(block)
  // A whole number of blocks, so that lines are not cut where chunks meet.
  const times = Math.max(1, Math.floor(MIB / once.length))
  const chunk = Buffer.concat(Array<Buffer>(times).fill(once))
  for (let left = bytes; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk
}

export const zeros = (bytes: number): Stream => ({ bytes, chunks: () => repeat(Buffer.alloc(MIB), bytes) })

/** Puts bytes in front of a stream. */
export const prefix = (head: Buffer, rest: Stream): Stream => ({
  bytes: head.length + rest.bytes,
  *chunks() {
    yield head
    yield* rest.chunks()
  },
})

/** Packs files, some of which may not fit in memory, as a tar archive. */
export function* pack(files: Readonly<Record<string, Buffer | Stream>>): Generator<Buffer> {
  for (const [name, content] of Object.entries(files)) {
    const { bytes, chunks } = 'chunks' in content ? content : { bytes: content.length, chunks: () => [content] }
    yield encodeTarHeader(name, 'file', bytes)
    yield* chunks()
    yield makePadding(bytes)
  }
  yield end
}

export const stream = (chunks: Iterable<Buffer>): Readable => Readable.from(chunks, { highWaterMark: 1 })

/** Compresses while it is sent. */
export const gzipped = (chunks: Iterable<Buffer>): Readable =>
  stream(chunks).compose(createGzip({ level: 1 })) as unknown as Readable

/** Returns a valid adapter with another manifest. */
export function withManifest(good: Files, change: (manifest: Record<string, unknown>) => void): Files {
  const manifest = JSON.parse(good['graft.json'].toString()) as Record<string, unknown>
  change(manifest)
  return { ...good, 'graft.json': Buffer.from(JSON.stringify(manifest)) }
}

/** Returns a valid adapter with other weights. Without a manifest, they need no digest. */
export function withWeights(good: Files, weights: Buffer | Stream, config: object = {}) {
  const original = JSON.parse(good['adapter_config.json'].toString()) as object
  return {
    'adapter_config.json': Buffer.from(JSON.stringify({ ...original, ...config })),
    'adapter_model.safetensors': weights,
  }
}

/** Encodes the head of a safetensors file. */
export function safetensorsHead(header: object | string, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length ?? BigInt(json.length))
  return Buffer.concat([head, json])
}

/** Returns the header of a safetensors file. */
export const readHeader = (file: Buffer): Record<string, { dtype: string; shape: number[] }> =>
  JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE())).toString()) as ReturnType<typeof readHeader>
