import { fail } from '../core/errors.ts'
import { type BodyLimits, bodyOf, requirePlain } from './read-body.ts'

/** Far deeper than any request; JSON.parse takes a second for a body that is brackets alone. */
const DEPTH = 64

/**
 * The JSON in a request's body. A body that is too large, by its declared length or as it comes, is left unread.
 * @throws GraftError `body_type_unsupported`, `body_too_large`, `request_timeout`, `body_not_json`, `request_malformed`
 */
export async function readJson(request: Request, limits: BodyLimits): Promise<unknown> {
  checkType(request.headers)
  const fix = 'Send fewer or shorter texts at a time.'
  const chunks: Uint8Array[] = []
  for await (const chunk of bodyOf(request, { ...limits, within: 'whole', fix })) chunks.push(chunk)
  return parseJson(Buffer.concat(chunks))
}

function checkType(headers: Headers): void {
  const type = headers.get('content-type')
  const fix = 'Send the header content-type: application/json.'
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type ?? ''))
    fail('body_type_unsupported', {
      subject: 'content-type',
      expected: 'application/json',
      found: type || 'none',
      fix,
    })
  requirePlain(headers)
}

function parseJson(bytes: Uint8Array): unknown {
  const wrong = (expected: string, found: string) =>
    fail('body_not_json', { subject: 'the body', expected, found, fix: 'Send one JSON document in UTF-8.' })
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
