import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeApp } from '../../server/app.ts'
import { fakePlatform } from '../platform/fake-platform.ts'

const platform = await fakePlatform(['a', 'bb'])
const app = makeApp(platform, { version: '1' })

const post = (body: string | Uint8Array) =>
  app.request('/v1/predictions', {
    method: 'POST',
    headers: { host: 'localhost', 'content-type': 'application/json' },
    body: body as RequestInit['body'],
  })

test('a body of arbitrary bytes is rejected with a problem', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
      const response = await post(body)
      expect([400, 422]).toContain(response.status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
    }),
  )
})

test('arbitrary JSON never causes an internal error', async () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('\ud800'))
  const adapter = fc.constantFrom('a', 'bb', 'c', '', '\0', '\ud800', '__proto__', 7, null, undefined)
  const input = fc.oneof(text, fc.record({ text, adapter }), fc.jsonValue())
  const request = fc.record(
    { inputs: fc.array(input), adapter, adapters: fc.array(adapter), other: fc.jsonValue() },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(fc.oneof(request, fc.jsonValue()), async (body) => {
      const response = await post(JSON.stringify(body))
      expect([200, 404, 422]).toContain(response.status)
    }),
    { numRuns: 500 },
  )
  expect(platform.logged).toEqual([])
})

test('an arbitrary path or query never causes an internal error', async () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('method', 'lora', 'rank', 'base', 'adapter', '__proto__', '8'))
  await fc.assert(
    fc.asyncProperty(word, fc.array(fc.tuple(word, word)), async (id, fields) => {
      const headers = { host: 'localhost' }
      const query = new URLSearchParams([['method', 'lora'], ...fields])
      const count = await app.request(`/v1/parameters?${query}`, { headers })
      const adapter = await app.request(`/v1/adapters/${encodeURIComponent(id.toWellFormed())}`, { headers })
      expect([200, 404, 422]).toContain(count.status)
      expect([200, 404]).toContain(adapter.status)
    }),
    { numRuns: 500 },
  )
  expect(platform.logged).toEqual([])
})
