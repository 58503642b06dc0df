import { fail } from '../core/errors.ts'
import { type BodyLimits, type BodySource, readBody, requireUncompressed } from './read-body.ts'

/**
 * The maximum nesting, far deeper than any request. JSON.parse would take a second for a body of nothing but brackets.
 */
const MAX_DEPTH = 64

/** Clients send JSON in one piece, or in a few. */
const CHUNKS = { minBytes: 256, freeChunks: 1000 }

/**
 * Reads the bytes of a JSON body. The rest of a body that is too large, by its declared or actual length, is
 * left unread.
 * @param onBytes called with the number of bytes that are kept in memory from now on. If it throws, the rest is not
 * read.
 * @throws GraftError `body_type_unsupported`, `body_too_large`, `request_timeout`, `request_malformed`
 */
export async function readJsonBytes(
  request: BodySource,
  limits: BodyLimits,
  onBytes: (bytes: number) => void = () => {},
): Promise<Uint8Array> {
  requireJsonType(request.headers)
  const fix = 'Send fewer or shorter texts at a time.'
  const chunks: Uint8Array[] = []
  for await (const chunk of readBody(request, { ...limits, timeout: 'total', chunks: CHUNKS, fix })) {
    onBytes(chunk.length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function requireJsonType(headers: Headers): void {
  const type = headers.get('content-type')
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type ?? ''))
    fail('body_type_unsupported', {
      subject: 'content-type',
      expected: 'application/json',
      found: type || 'none',
      fix: 'Send the header content-type: application/json.',
    })
  requireUncompressed(headers)
}

/** @throws GraftError `body_not_json` */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throwNotJson('JSON', 'an empty body')
  if (isNestedDeeperThan(MAX_DEPTH, bytes))
    throwNotJson(`JSON with at most ${MAX_DEPTH} levels of nesting`, 'more levels')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (error instanceof SyntaxError) return throwNotJson('JSON', error.message)
    return throwNotJson('UTF-8', 'bytes in another encoding')
  }
}

function throwNotJson(expected: string, found: string): never {
  fail('body_not_json', { subject: 'the body', expected, found, fix: 'Send one JSON document in UTF-8.' })
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}')

function isNestedDeeperThan(maxDepth: number, bytes: Uint8Array): boolean {
  let [depth, inString] = [0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > maxDepth) return true
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
  }
  return false
}
