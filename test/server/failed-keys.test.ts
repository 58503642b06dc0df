import { expect, test } from 'vitest'
import type { Access } from '../../platform/use-cases/access.ts'
import { makeApp } from '../../server/app.ts'
import { fakePlatform } from '../platform/fake-platform.ts'
import { readProblem } from './start.ts'

const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => (secret === 'graft_right' ? { owner: 'id', scopes: ['predict'] } : undefined),
}

async function openApp() {
  const app = makeApp(await fakePlatform(), { version: '1', access, failedKeyRate: { requests: 3, seconds: 60 } })
  return async (address: string, secret: string) => {
    const env = { incoming: { socket: { remoteAddress: address } } as never }
    return app.request('/v1/adapters', { headers: { authorization: `Bearer ${secret}` } }, env)
  }
}

test('an address that sends many wrong keys has to wait, and learns how long', async () => {
  const send = await openApp()
  for (let i = 0; i < 3; i++) expect((await send('203.0.113.7', `graft_${i}`)).status).toBe(401)
  const refused = await send('203.0.113.7', 'graft_3')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
  expect(await readProblem(refused)).toMatchObject({
    code: 'rate_limited',
    subject: 'the address',
    problem: 'has sent more than 3 wrong keys within 60 seconds',
  })
  expect((await send('203.0.113.8', 'graft_3')).status).toBe(401)
})

test('a valid key is accepted from an address that has sent many wrong ones, as behind a proxy', async () => {
  const send = await openApp()
  for (let i = 0; i < 5; i++) await send('203.0.113.7', `graft_${i}`)
  expect((await send('203.0.113.7', 'graft_right')).status).toBe(200)
})

test('all addresses of an IPv6 network of one client count together', async () => {
  const send = await openApp()
  for (const address of ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '2001:db8::1:0:0:0:3'])
    await send(address, 'graft_x')
  expect((await send('2001:db8:0:1::4', 'graft_x')).status).toBe(429)
  expect((await send('2001:db8:0:2::4', 'graft_x')).status).toBe(401)
  expect((await send('::ffff:203.0.113.7', 'graft_x')).status).toBe(401)
  expect((await send('::1', 'graft_x')).status).toBe(401)
})
