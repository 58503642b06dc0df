import { fail } from '../core/errors.ts'

export interface BodyLimits {
  /** Bytes, at most. */
  bytes: number
  /** Seconds: of JSON, until the whole body must have come; of an upload, for which nothing may come. */
  seconds: number
}

interface Reading extends BodyLimits {
  /** What the seconds are about. */
  within: 'whole' | 'pause'
  /** How to fix a body that is too large. */
  fix: string
}

/**
 * A body as it comes. One that is too large, by its declared length or in fact, is left unread from there on, as is one whose reader
 * stops.
 * @throws GraftError `body_too_large` at once or while it is read; `request_timeout`, `request_malformed` while it is read
 */
export function bodyOf(request: Request, reading: Reading): AsyncIterable<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > reading.bytes) tooLarge(reading, `${declared} bytes`)
  return pieces(request.body, reading)
}

async function* pieces(body: Request['body'], reading: Reading): AsyncGenerator<Uint8Array> {
  if (!body) return
  const { bytes, seconds, within } = reading
  const reader = body.getReader()
  let [size, late, ended] = [0, false, false]
  const stop = () => reader.cancel().catch(() => {})
  const deadline = setTimeout(() => {
    late = true
    void stop()
  }, seconds * 1000)
  try {
    for (;;) {
      if (within === 'pause') deadline.refresh()
      const { done, value } = await reader.read().catch(cutShort)
      ended = done
      if (done) break
      size += value.length
      if (size > bytes) tooLarge(reading, 'more')
      yield value
    }
  } finally {
    clearTimeout(deadline)
    if (!ended) void stop()
  }
  if (late) tooSlow(reading, size)
}

/** @throws GraftError `body_type_unsupported` for a body that is compressed for the way */
export function requirePlain(headers: Headers): void {
  const coding = headers.get('content-encoding')
  if (coding !== null && coding.toLowerCase() !== 'identity')
    fail('body_type_unsupported', {
      subject: 'content-encoding',
      expected: 'a body that is not compressed',
      found: coding,
      fix: 'Send the body as it is.',
    })
}

function tooLarge({ bytes, fix }: Reading, found: string): never {
  fail('body_too_large', { subject: 'the body', expected: `at most ${bytes} bytes`, found, fix })
}

function tooSlow({ seconds, within }: Reading, size: number): never {
  fail('request_timeout', {
    subject: 'the body',
    expected: within === 'whole' ? `all of it within ${seconds} seconds` : `some of it every ${seconds} seconds`,
    found: `${size} bytes by then`,
    fix: 'Send it faster, or in smaller requests.',
  })
}

function cutShort(cause: unknown): never {
  fail(
    'request_malformed',
    { subject: 'the body', expected: 'all of it', found: 'a connection that ended before', fix: 'Send it again.' },
    cause,
  )
}
