import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { GraftError } from '../../core/errors.ts'
import { describeEntry, throwInvalidArchive, throwTooLarge } from './archive-errors.ts'
import { BLOCK_BYTES } from './tar-header.ts'

/** A header as tar-stream returns it. Its own types are incomplete. */
export interface TarHeader extends Omit<Header, 'type' | 'linkname' | 'pax'> {
  /** The kind of the entry, or null if tar-stream does not know it. */
  type: Header['type'] | null
  linkname: string | null
  pax: Readonly<Record<string, string>> | null
  /** The position of the content in the archive. */
  byteOffset: number
}

export interface TarEntry {
  header: TarHeader
  /** The content. Read it before requesting the next entry. */
  content: AsyncIterable<Uint8Array>
}

/**
 * The size of the two blocks of zeros that end an archive. Without them, an archive that was truncated between two
 * entries would look complete.
 */
const END_BYTES = 2 * BLOCK_BYTES

/** The unpacked bytes to which the limit of the ratio does not apply. */
const FREE_BYTES = 16 * 2 ** 20

/** The limits of everything in an archive, including its headers. */
interface StreamLimits {
  /** The maximum number of bytes after decompression. */
  bytes: number
  /** The maximum ratio of unpacked to compressed bytes, beyond {@link FREE_BYTES}. */
  ratio: number
}

/**
 * Yields the entries of a tar file, which may be compressed by gzip, while it arrives. Does not check names and kinds.
 * @throws GraftError `archive_invalid` if the archive is damaged, `archive_too_large` if it exceeds a limit. Errors of
 *   the source are thrown as they are.
 */
export async function* readTarEntries(
  content: AsyncIterable<Uint8Array>,
  limits: StreamLimits,
): AsyncGenerator<TarEntry> {
  const seen: Seen = { bytes: 0, tail: Buffer.alloc(0) }
  const source: Source = { bytes: 0 }
  const unpacked = Readable.from(limitBytes(gunzip(watchSource(content, source)), limits, seen, source))
  const parser = extract()
  unpacked.on('error', (error) => parser.destroy(error))
  unpacked.pipe(parser)
  let end = 0
  let subject = 'the archive'
  try {
    for await (const entry of parser) {
      const header = entry.header as unknown as TarHeader
      end = header.byteOffset + Math.ceil(header.size / BLOCK_BYTES) * BLOCK_BYTES
      subject = `the archive, at ${describeEntry(header.name)}`
      yield { header, content: convertErrors(entry as AsyncIterable<Uint8Array>, subject, source) }
      entry.resume()
    }
    if (seen.bytes - end < END_BYTES || seen.tail.some((byte) => byte !== 0))
      throwInvalidArchive(subject, 'two blocks of zeros at its end', seen.bytes ? 'a truncated archive' : 'nothing')
  } catch (error) {
    throw toArchiveError(error, subject, source)
  } finally {
    unpacked.destroy()
  }
}

/** The source of the archive: the bytes that it has yielded, and the error that it failed with. */
interface Source {
  bytes: number
  failure?: unknown
}

/** The number of bytes that were read, and the last of them. */
interface Seen {
  bytes: number
  tail: Buffer
}

/** Counts the bytes of the source, and captures its failure, to distinguish it from a damaged archive. */
async function* watchSource(content: AsyncIterable<Uint8Array>, source: Source) {
  try {
    for await (const chunk of content) {
      source.bytes += chunk.length
      yield chunk
    }
  } catch (error) {
    source.failure = error
    throw error
  }
}

async function* gunzip(content: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const { done, value } = await content.next()
    if (done) break
    head = Buffer.concat([head, value])
  }
  const whole = async function* () {
    yield head
    yield* content
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) yield* whole()
  else yield* pipeline(Readable.from(whole()), createGunzip(), () => {}) as AsyncIterable<Buffer>
}

async function* limitBytes(
  chunks: AsyncIterable<Uint8Array>,
  { bytes, ratio }: StreamLimits,
  seen: Seen,
  source: Readonly<Source>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    seen.bytes += chunk.length
    if (seen.bytes > bytes) throwTooLarge('the archive', `at most ${bytes} unpacked bytes`, 'more')
    if (seen.bytes > FREE_BYTES + ratio * source.bytes)
      throwTooLarge('the archive', `at most ${ratio} times its compressed bytes`, 'more')
    seen.tail = Buffer.concat([seen.tail, chunk.subarray(-END_BYTES)]).subarray(-END_BYTES)
    if (chunk.length > 0) yield chunk
  }
}

/** Yields the content of an entry. The archive may end or turn out to be damaged in the middle of the content. */
async function* convertErrors(
  content: AsyncIterable<Uint8Array>,
  subject: string,
  source: Source,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    throw toArchiveError(error, subject, source)
  }
}

/** Returns a damaged archive as a GraftError, and other errors as they are. */
function toArchiveError(error: unknown, subject: string, source: Source): unknown {
  // Refusing an archive closes its source, which may then fail as well, but that is not the cause.
  if (error instanceof GraftError) return error
  if ('failure' in source) return source.failure
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  // tar-stream's own errors have no code, and zlib's have one of these. All others come from the disk, or are bugs.
  const isZlibError = code?.startsWith('Z_')
  const isTruncated = code === 'STREAM_DESTROYED'
  if (!isZlibError && !isTruncated && (code !== undefined || error.constructor !== Error)) return error
  const [message] = error.message.split('.')
  const found = isTruncated ? 'a truncated archive' : isZlibError ? `damaged gzip: ${message}` : message
  try {
    return throwInvalidArchive(subject, 'a complete tar file, compressed by gzip or not', found)
  } catch (archiveError) {
    return archiveError
  }
}
