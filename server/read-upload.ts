import { fail } from '../core/errors.ts'
import { type BodyLimits, bodyOf, requirePlain } from './read-body.ts'

/**
 * The bytes of an upload as they come.
 * @param types content types that are taken; a body that names none is taken, too
 * @throws GraftError `body_type_unsupported`, `body_too_large`; while it is read `request_timeout`, `request_malformed`, too
 */
export function readUpload(request: Request, types: readonly string[], limits: BodyLimits): AsyncIterable<Uint8Array> {
  const given = request.headers.get('content-type')
  const type = given?.split(';')[0].trim().toLowerCase()
  if (type !== undefined && !types.includes(type))
    fail('body_type_unsupported', {
      subject: 'content-type',
      expected: `one of ${types.join(', ')}`,
      found: given || 'none',
      fix: `Send the file as it is, with content-type: ${types[0]}; with curl, by --data-binary @FILE.`,
    })
  requirePlain(request.headers)
  const fix = 'Leave out what is not needed; whoever runs the server may raise the limit.'
  return bodyOf(request, { ...limits, within: 'pause', fix })
}
