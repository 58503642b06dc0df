import { fail } from '../core/errors.ts'

export interface BodyLimits {
  /** Bytes, at most. */
  bytes: number
  /** Seconds until the whole body must have come. */
  seconds: number
}

/** Far deeper than any request; JSON.parse takes a second for a body that is brackets alone. */
const DEPTH = 64

/**
 * The JSON in a request's body. A body that is too large, by its declared length or as it comes, is left unread.
 * @throws GraftError `body_type_unsupported`, `body_too_large`, `request_timeout`, `body_not_json`, `request_malformed`
 */
export async function readJson(request: Request, limits: BodyLimits): Promise<unknown> {
  checkType(request.headers)
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > limits.bytes) tooLarge(limits, `${declared} bytes`)
  const bytes = await readBytes(request, limits)
  return parseJson(bytes)
}

function checkType(headers: Headers): void {
  const type = headers.get('content-type')
  const mend = 'Send the header content-type: application/json.'
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type ?? ''))
    fail('body_type_unsupported', {
      subject: 'content-type',
      expected: 'application/json',
      found: type || 'none',
      mend,
    })
  const coding = headers.get('content-encoding')
  if (coding !== null && coding.toLowerCase() !== 'identity')
    fail('body_type_unsupported', {
      subject: 'content-encoding',
      expected: 'a body that is not compressed',
      found: coding,
      mend: 'Send the body as it is.',
    })
}

async function readBytes({ body }: Request, limits: BodyLimits): Promise<Uint8Array> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let [size, late] = [0, false]
  const deadline = setTimeout(() => {
    late = true
    reader.cancel().catch(() => {})
  }, limits.seconds * 1000)
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(cutShort)
      if (done) break
      size += value.length
      if (size > limits.bytes) {
        reader.cancel().catch(() => {})
        tooLarge(limits, 'more')
      }
      chunks.push(value)
    }
  } finally {
    clearTimeout(deadline)
  }
  if (late)
    fail('request_timeout', {
      subject: 'the body',
      expected: `all of it within ${limits.seconds} seconds`,
      found: `${size} bytes by then`,
      mend: 'Send it faster, or in smaller requests.',
    })
  return Buffer.concat(chunks)
}

function parseJson(bytes: Uint8Array): unknown {
  const wrong = (expected: string, found: string) =>
    fail('body_not_json', { subject: 'the body', expected, found, mend: 'Send one JSON document in UTF-8.' })
  if (bytes.length === 0) wrong('JSON', 'an empty body')
  if (deeperThan(DEPTH, bytes)) wrong(`JSON nested ${DEPTH} deep at most`, 'deeper nesting')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (error instanceof SyntaxError) return wrong('JSON', error.message)
    return wrong('UTF-8', 'bytes that are not')
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}')

function deeperThan(most: number, bytes: Uint8Array): boolean {
  let [depth, inText] = [0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > most) return true
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
  }
  return false
}

function tooLarge({ bytes }: BodyLimits, found: string): never {
  fail('body_too_large', {
    subject: 'the body',
    expected: `at most ${bytes} bytes`,
    found,
    mend: 'Send fewer or shorter texts at a time.',
  })
}

function cutShort(cause: unknown): never {
  fail(
    'request_malformed',
    { subject: 'the body', expected: 'all of it', found: 'a connection that ended before', mend: 'Send it again.' },
    cause,
  )
}
