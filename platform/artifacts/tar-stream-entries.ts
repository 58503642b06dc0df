import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { GraftError } from '../../core/errors.ts'
import { entryNamed, invalid, tooLarge } from './archive-errors.ts'
import { BLOCK } from './tar-header.ts'

/** A header as tar-stream gives it, which its types do not tell in full. */
export interface TarHeader extends Omit<Header, 'type' | 'linkname' | 'pax'> {
  /** Null where tar-stream does not know the kind. */
  type: Header['type'] | null
  linkname: string | null
  pax: Readonly<Record<string, string>> | null
  /** Where the content begins in the archive. */
  byteOffset: number
}

export interface TarEntry {
  header: TarHeader
  /** To be read before the next entry is asked for. */
  content: AsyncIterable<Uint8Array>
}

/** Two blocks of zeros end an archive: without them, one that was cut off between two entries would seem whole. */
const END = 2 * BLOCK

/**
 * The entries of a tar file, compressed by gzip or not, as it comes in. Names and kinds are not checked here.
 * @param most how many bytes are taken, after decompression
 * @throws GraftError `archive_invalid` for what is damaged, `archive_too_large` past the bound; what the content throws goes through
 */
export async function* tarEntries(content: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<TarEntry> {
  const seen = { bytes: 0, tail: Buffer.alloc(0) }
  const origin: Origin = {}
  const source = Readable.from(bounded(unzipped(remembering(content, origin)), most, seen))
  const parser = extract()
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let end = 0
  let subject = 'the archive'
  try {
    for await (const entry of parser) {
      const header = entry.header as unknown as TarHeader
      end = header.byteOffset + Math.ceil(header.size / BLOCK) * BLOCK
      subject = `the archive, at ${entryNamed(header.name)}`
      yield { header, content: told(entry as AsyncIterable<Uint8Array>, subject, origin) }
      entry.resume()
    }
    if (seen.bytes - end < END || seen.tail.some((byte) => byte !== 0))
      invalid(subject, 'two blocks of zeros at its end', seen.bytes ? 'an archive that was cut off' : 'nothing')
  } catch (error) {
    throw reason(error, subject, origin)
  } finally {
    source.destroy()
  }
}

/** The failure of what brings the archive, if any. */
interface Origin {
  failure?: unknown
}

/** Keeps apart a failure of what brings the archive from a damage in it. */
async function* remembering(content: AsyncIterable<Uint8Array>, origin: Origin) {
  try {
    yield* content
  } catch (error) {
    origin.failure = error
    throw error
  }
}

async function* unzipped(content: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
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

async function* bounded(
  pieces: AsyncIterable<Uint8Array>,
  most: number,
  seen: { bytes: number; tail: Buffer },
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    seen.bytes += piece.length
    if (seen.bytes > most) tooLarge('the archive', `at most ${most} bytes, unpacked`, 'more')
    seen.tail = Buffer.concat([seen.tail, piece.subarray(-END)]).subarray(-END)
    if (piece.length > 0) yield piece
  }
}

/** What an entry holds; the archive may end, or prove damaged, in the middle of it. */
async function* told(content: AsyncIterable<Uint8Array>, subject: string, origin: Origin): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    throw reason(error, subject, origin)
  }
}

function reason(error: unknown, subject: string, origin: Origin): unknown {
  // A refusal closes what brings the archive, which may then fail as well: that is not the reason.
  if (error instanceof GraftError) return error
  if ('failure' in origin) return origin.failure
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  // tar-stream's own errors have no code, zlib's have one of these; what else there is comes from the disk, or is a fault of ours.
  const isZlibs = code?.startsWith('Z_')
  const isCutOff = code === 'STREAM_DESTROYED'
  if (!isZlibs && !isCutOff && (code !== undefined || error.constructor !== Error)) return error
  const [message] = error.message.split('.')
  const found = isCutOff ? 'an archive that was cut off' : isZlibs ? `damaged gzip: ${message}` : message
  try {
    return invalid(subject, 'a whole tar file, compressed by gzip or not', found)
  } catch (refusal) {
    return refusal
  }
}
