import { fail } from '../core/errors.ts'
import { type BodyLimits, type BodySource, readBody, requireUncompressed, type UploadRate } from './read-body.ts'

export interface UploadLimits extends BodyLimits {
  /** Defaults to 10,000 bytes per second after the first minute. */
  minRate?: UploadRate
}

const MIN_RATE: UploadRate = { bytesPerSecond: 10_000, afterSeconds: 60 }

/** Some clients send each line of a file as a chunk. */
const CHUNKS = { minBytes: 16, freeChunks: 10_000 }

/**
 * Returns the bytes of an upload as they arrive.
 * @param types the content types that are accepted; a body without a content type is accepted as well
 * @throws GraftError `body_type_unsupported`, `body_too_large`; during reading also `request_timeout`,
 * `request_malformed`
 */
export function readUpload(
  request: BodySource,
  types: readonly string[],
  limits: UploadLimits,
): AsyncIterable<Uint8Array> {
  const contentType = request.headers.get('content-type')
  const type = contentType?.split(';')[0].trim().toLowerCase()
  if (type !== undefined && !types.includes(type))
    fail('body_type_unsupported', {
      subject: 'content-type',
      expected: `one of ${types.join(', ')}`,
      found: contentType || 'none',
      fix: `Send the file with content-type: ${types[0]}. With curl, use --data-binary @FILE.`,
    })
  requireUncompressed(request.headers)
  const fix = 'Remove what is not needed, or divide it into several uploads.'
  return readBody(request, { minRate: MIN_RATE, ...limits, timeout: 'idle', chunks: CHUNKS, fix })
}
