import { expect, test } from 'vitest'
import { parseWebhookTarget } from '../../../platform/schemas/webhook-target.ts'

test.each([
  ['http://example.com/', 'an address with https://'],
  ['ftp://example.com/', 'an address with https://'],
  ['nonsense', 'an address with https://'],
  ['https://user:secret@example.com/', 'an address without a user'],
  ['https://localhost/', 'a public address'],
  ['https://a.localhost./', 'a public address'],
  ['https://127.0.0.1:8080/', 'a public address'],
  ['https://2130706433/', 'a public address'],
  ['https://0x7f.1/', 'a public address'],
  ['https://[::1]/', 'a public address'],
  ['https://[::ffff:169.254.169.254]/', 'a public address'],
  ['https://169.254.169.254/latest/meta-data', 'a public address'],
  ['https://192.168.0.10/', 'a public address'],
])('%s is refused: expected %s', (url, expected) => {
  expect(() => parseWebhookTarget(url, false)).toThrow(`url: expected ${expected}`)
})

test('the flag of the operator allows http and private addresses, but no other protocol', () => {
  for (const url of ['http://127.0.0.1:8080/a', 'https://192.168.0.10/', 'http://receiver.internal/'])
    expect(parseWebhookTarget(url, true).href).toBe(url)
  expect(() => parseWebhookTarget('file:///etc/passwd', true)).toThrow('https:// or http://')
  expect(parseWebhookTarget('https://example.com/a?b=c', false).href).toBe('https://example.com/a?b=c')
})
