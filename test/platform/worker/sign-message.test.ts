import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { signMessage } from '../../../platform/worker/sign-message.ts'

test('a signature is that of the example of Standard Webhooks', () => {
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  expect(signMessage('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', id, 1614265330, '{"test": 2432232314}')).toEqual({
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('the library of Standard Webhooks verifies a message, and notices a change of its body, id or time', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const now = Math.floor(Date.now() / 1000)
  const headers = signMessage(secret, 'message', now, '{"ä":1}')
  const library = new Webhook(secret)
  expect(library.verify('{"ä":1}', headers)).toEqual({ ä: 1 })
  expect(() => library.verify('{"ä":2}', headers)).toThrow()
  expect(() => library.verify('{"ä":1}', { ...headers, 'webhook-id': 'other' })).toThrow()
  expect(() => library.verify('{"ä":1}', { ...headers, 'webhook-timestamp': String(now + 1) })).toThrow()
})
