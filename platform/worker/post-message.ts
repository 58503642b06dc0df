import dns from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from '../../core/public-address.ts'
import { parseWebhookTarget } from '../schemas/webhook-target.ts'

export interface PostOptions {
  headers: Readonly<Record<string, string>>
  body: string
  /** Allows http, and addresses that are not public. */
  isPrivateAllowed: boolean
  /** Defaults to 15 seconds. */
  timeoutMs?: number
  /** Returns whether an address that a name resolves to may be connected to. Defaults to {@link isPublicAddress}. */
  isAllowed?: (address: string) => boolean
}

const TIMEOUT_MS = 15_000

/**
 * Sends a message, and returns the status of the response. Redirects are not followed, and the body is not read. A name
 * is resolved and checked for this connection, so it cannot resolve to a public address for a check and to another one
 * afterwards.
 * @throws if the receiver cannot be reached, does not answer in time, or is not allowed
 */
export async function postMessage(
  address: string,
  { headers, body, isPrivateAllowed, timeoutMs = TIMEOUT_MS, isAllowed = isPublicAddress }: PostOptions,
): Promise<number> {
  const url = parseWebhookTarget(address, isPrivateAllowed)
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((settle, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // A connection that something else opened would not have been checked.
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(!isPrivateAllowed && { lookup: lookupAllowed(isAllowed) }),
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      settle(response.statusCode ?? 0)
      response.destroy()
    })
    sent.end(body)
  })
}

/** Returns a function that resolves a name to those of its addresses that are allowed. */
const lookupAllowed =
  (isAllowed: (address: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const addresses = found.filter(({ address }) => isAllowed(address))
      if (addresses.length === 0)
        return callback(Object.assign(new Error(`${hostname} has no public address`), { code: 'NOT_PUBLIC' }), '')
      if (options.all) return callback(null, addresses)
      return callback(null, addresses[0].address, addresses[0].family)
    })
  }
