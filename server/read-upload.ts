import { fail } from '../core/errors.ts'
import { type BodyLimits, readBody, requireUncompressed } from './read-body.ts'

/**
 * Returns the bytes of an upload as they arrive.
 * @param types the content types that are accepted; a body without a content type is accepted as well
 * @throws GraftError `body_type_unsupported`, `body_too_large`; during reading also `request_timeout`,
 * `request_malformed`
 */
export function readUpload(request: Request, types: readonly string[], limits: BodyLimits): AsyncIterable<Uint8Array> {
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
  const fix = 'Remove what is not needed, or ask the operator of the server to raise the limit.'
  return readBody(request, { ...limits, timeout: 'idle', fix })
}
