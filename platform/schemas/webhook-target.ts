import { isIP } from 'node:net'
import { fail } from '../../core/errors.ts'
import { isPublicAddress } from '../../core/public-address.ts'

/** Returns the host of a URL, an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/**
 * Checks what can be known about the address of a webhook before its name is resolved. What the name resolves to is
 * checked for each connection.
 * @param isPrivateAllowed allows http, and addresses that are not public
 * @throws GraftError `body_invalid`
 */
export function parseWebhookTarget(text: string, isPrivateAllowed: boolean): URL {
  const url = URL.parse(text)
  const protocols = isPrivateAllowed ? ['https:', 'http:'] : ['https:']
  const refuse = (expected: string, found: string, fix: string) =>
    fail('body_invalid', { subject: 'url', expected, found, fix })
  if (!url || !protocols.includes(url.protocol))
    return refuse(
      isPrivateAllowed ? 'an address with https:// or http://' : 'an address with https://',
      url ? url.protocol : 'no URL',
      isPrivateAllowed
        ? 'Send the whole address of the receiver.'
        : 'Use https. For a receiver within your network, start Graft with --allow-private-webhooks.',
    )
  if (url.username || url.password)
    return refuse('an address without a user', 'one', 'Leave it out. The receiver verifies the signature instead.')
  const host = hostOf(url)
  const isLocalName = /(^|\.)localhost\.?$/i.test(host)
  if (!isPrivateAllowed && (isLocalName || (isIP(host) && !isPublicAddress(host))))
    return refuse(
      'a public address',
      host,
      'For a receiver on this machine or within your network, start Graft with --allow-private-webhooks.',
    )
  return url
}
