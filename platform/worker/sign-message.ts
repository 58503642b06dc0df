import { createHmac } from 'node:crypto'

/**
 * Returns the headers of a signed message, as Standard Webhooks defines them.
 * @param secret `whsec_` and the key in base64
 * @param seconds the time of the attempt, since 1970
 */
export function signMessage(secret: string, id: string, seconds: number, body: string): Record<string, string> {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${signature}` }
}
