import { fail } from '../core/errors.ts'

export interface BodyLimits {
  /** The maximum size in bytes. */
  bytes: number
  /**
   * For JSON, the seconds within which the whole body must arrive. For an upload, the longest pause between two chunks.
   */
  seconds: number
}

interface ReadOptions extends BodyLimits {
  /** The limit of `seconds`: `total` for the whole body, `idle` for each pause. */
  timeout: 'total' | 'idle'
  /** How to fix a body that is too large. */
  fix: string
}

/**
 * Returns the chunks of a body as they arrive. The rest of a body that is too large, by its declared or actual length,
 * is not read, and neither is the rest of a body whose reader stops.
 * @throws GraftError `body_too_large` at once or during reading; `request_timeout`, `request_malformed` during reading
 */
export function readBody(request: Request, options: ReadOptions): AsyncIterable<Uint8Array> {
  const declaredBytes = Number(request.headers.get('content-length') ?? 0)
  if (declaredBytes > options.bytes) throwTooLarge(options, `${declaredBytes} bytes`)
  return readChunks(request.body, options)
}

async function* readChunks(body: Request['body'], options: ReadOptions): AsyncGenerator<Uint8Array> {
  if (!body) return
  const reader = body.getReader()
  let [size, hasTimedOut, hasEnded] = [0, false, false]
  const cancel = () => reader.cancel().catch(() => {})
  const timer = setTimeout(() => {
    hasTimedOut = true
    void cancel()
  }, options.seconds * 1000)
  try {
    for (;;) {
      if (options.timeout === 'idle') timer.refresh()
      const { done, value } = await reader.read().catch(throwIncomplete)
      hasEnded = done
      if (done) break
      size += value.length
      if (size > options.bytes) throwTooLarge(options, 'more')
      yield value
    }
  } finally {
    clearTimeout(timer)
    if (!hasEnded) void cancel()
  }
  if (hasTimedOut) throwTimeout(options, size)
}

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

function throwIncomplete(cause: unknown): never {
  fail(
    'request_malformed',
    { subject: 'the body', problem: 'is incomplete because the connection was closed', fix: 'Send the request again.' },
    cause,
  )
}
