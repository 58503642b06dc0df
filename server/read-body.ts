import { Readable } from 'node:stream'
import { fail } from '../core/errors.ts'

export interface BodyLimits {
  /** The maximum size in bytes. */
  bytes: number
  /**
   * For JSON, the seconds within which the whole body must arrive. For an upload, the longest pause between two chunks.
   */
  seconds: number
}

/** The headers and the body of a request: of a web request, or as Node receives it. */
export interface BodySource {
  headers: Headers
  body: Request['body'] | Readable
}

/** The rate below which an upload is rejected, once the server has waited for it for a number of seconds. */
export interface UploadRate {
  bytesPerSecond: number
  afterSeconds: number
}

/** The mean size below which the chunks of a body are too small, once there are more than a number of them. */
interface ChunkRule {
  minBytes: number
  freeChunks: number
}

interface ReadOptions extends BodyLimits {
  /** The limit of `seconds`: `total` for the whole body, `idle` for each pause. */
  timeout: 'total' | 'idle'
  /**
   * Chunks of a few bytes cost far more time and memory than their bytes: a body of 4 MiB in chunks of one byte keeps
   * the server busy for seconds.
   */
  chunks: ChunkRule
  /** Defaults to no minimum. */
  minRate?: UploadRate
  /** How to fix a body that is too large. */
  fix: string
}

/**
 * Returns the chunks of a body as they arrive. The rest of a body that is too large, by its declared or actual length,
 * is left unread, and so is the rest of a body whose reader stops.
 * @throws GraftError `body_too_large` at once or during reading; `request_timeout`, `request_malformed` during reading
 */
export function readBody({ headers, body }: BodySource, options: ReadOptions): AsyncIterable<Uint8Array> {
  const declaredBytes = Number(headers.get('content-length') ?? 0)
  if (declaredBytes > options.bytes) throwTooLarge(options, `${declaredBytes} bytes`)
  return readChunks(body, options)
}

/** Returns the chunks one at a time. Stopping cancels a web stream, but leaves the connection of a request open. */
function iterate(body: NonNullable<BodySource['body']>): AsyncIterator<Uint8Array> {
  return body instanceof Readable ? body.iterator({ destroyOnReturn: false }) : body[Symbol.asyncIterator]()
}

async function* readChunks(body: BodySource['body'], options: ReadOptions): AsyncGenerator<Uint8Array> {
  if (!body) return
  const iterator = iterate(body)
  const { timeout, chunks, minRate } = options
  let [size, count, waitedMs] = [0, 0, 0]
  let [isWaiting, hasEnded] = [false, false]
  const timedOut = Promise.withResolvers<'timeout'>()
  const timer = setTimeout(() => {
    // A pause of the reader of the chunks is not one of the client.
    if (timeout === 'total' || isWaiting) timedOut.resolve('timeout')
  }, options.seconds * 1000)
  try {
    for (;;) {
      if (timeout === 'idle') timer.refresh()
      const startedAt = performance.now()
      isWaiting = true
      const next = iterator.next()
      const result = await Promise.race([next, timedOut.promise]).catch(throwIncomplete)
      isWaiting = false
      waitedMs += performance.now() - startedAt
      if (result === 'timeout') {
        next.catch(() => {})
        throwTimeout(options, size)
      }
      const { done, value } = result
      hasEnded = done === true
      if (done) return
      size += value.length
      count++
      if (size > options.bytes) throwTooLarge(options, 'more')
      if (count > chunks.freeChunks && size < count * chunks.minBytes) throwSmallChunks(chunks, size / count)
      if (minRate && isTooSlow(minRate, size, waitedMs / 1000)) throwTooSlow(minRate, size, waitedMs / 1000)
      yield value
    }
  } finally {
    clearTimeout(timer)
    if (!hasEnded) iterator.return?.().catch(() => {})
  }
}

const isTooSlow = ({ bytesPerSecond, afterSeconds }: UploadRate, size: number, seconds: number): boolean =>
  seconds > afterSeconds && size < bytesPerSecond * seconds

/** @throws GraftError `body_type_unsupported` for a body with a content encoding, such as gzip */
export function requireUncompressed(headers: Headers): void {
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    fail('body_type_unsupported', {
      subject: 'content-encoding',
      expected: 'an uncompressed body',
      found: encoding,
      fix: 'Send the body without content-encoding.',
    })
}

function throwTooLarge({ bytes, fix }: ReadOptions, found: string): never {
  fail('body_too_large', { subject: 'the body', expected: `at most ${bytes} bytes`, found, fix })
}

function throwTimeout({ seconds, timeout }: ReadOptions, size: number): never {
  fail('request_timeout', {
    subject: 'the body',
    problem:
      timeout === 'total'
        ? `did not arrive within ${seconds} seconds; only ${size} bytes were received`
        : `stopped arriving for ${seconds} seconds after ${size} bytes`,
    fix: 'Send it faster, or in smaller requests.',
  })
}

function throwTooSlow({ bytesPerSecond }: UploadRate, size: number, seconds: number): never {
  fail('request_timeout', {
    subject: 'the body',
    expected: `at least ${bytesPerSecond} bytes per second`,
    found: `${size} bytes in ${Math.round(seconds)} seconds`,
    fix: 'Send it faster, or compress the file.',
  })
}

function throwSmallChunks({ minBytes }: ChunkRule, meanBytes: number): never {
  fail('request_malformed', {
    subject: 'the body',
    expected: `chunks of ${minBytes} bytes or more`,
    found: `chunks of ${meanBytes.toFixed(1)} bytes on average`,
    fix: 'Collect the body in a buffer before you send it.',
  })
}

function throwIncomplete(cause: unknown): never {
  fail(
    'request_malformed',
    { subject: 'the body', problem: 'is incomplete because the connection was closed', fix: 'Send the request again.' },
    cause,
  )
}
