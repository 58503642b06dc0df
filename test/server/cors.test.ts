import { beforeAll, expect, test } from 'vitest'
import { start, startShared } from './start.ts'

const PAGE = 'https://films.example'

let url: string
beforeAll(async () => {
  url = (await startShared({ adapters: ['film'], appOptions: { allowOrigins: [PAGE, 'http://localhost:5173'] } })).url
})

const preflight = (origin: string, headers: Record<string, string> = {}, path = '/v1/predictions') =>
  fetch(url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'sec-fetch-site': 'cross-site', ...headers },
  })

/** Sends a request as a browser does for a page of an origin. */
const predict = (origin: string, address = url, inputs = ['good']) =>
  fetch(`${address}/v1/predictions`, {
    method: 'POST',
    headers: { origin, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
  })

test.each([PAGE, 'http://localhost:5173'])('a page of the allowed origin %s may send any request', async (origin) => {
  const requested = { 'access-control-request-headers': 'authorization,content-type,idempotency-key' }
  const allowed = await preflight(origin, requested)
  expect([allowed.status, await allowed.text()]).toEqual([204, ''])
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET,HEAD,POST,PUT,DELETE',
    'access-control-allow-headers': 'authorization,content-type,idempotency-key',
    'access-control-max-age': '7200',
    vary: 'Origin, Access-Control-Request-Headers',
  })
  expect(allowed.headers.has('access-control-allow-credentials')).toBe(false)

  const response = await predict(origin)
  expect(response.status).toBe(200)
  expect(response.headers.get('access-control-allow-origin')).toBe(origin)
  expect(response.headers.get('access-control-expose-headers')).toBe('*')
  expect(response.headers.get('vary')).toContain('Origin')
})

test('a page of an allowed origin can read errors, also of unknown paths', async () => {
  const invalid = await predict(PAGE, url, [])
  expect([invalid.status, invalid.headers.get('access-control-allow-origin')]).toEqual([422, PAGE])
  const unknown = await fetch(`${url}/v1/nothing`, { headers: { origin: PAGE, 'sec-fetch-site': 'cross-site' } })
  expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([404, PAGE])
  expect((await preflight(PAGE, {}, '/v1/nothing')).status).toBe(204)
})

test.each(['https://other.example', 'https://films.example:444', 'http://films.example', 'null'])(
  'a page of the origin %s may not',
  async (origin) => {
    for (const response of [await preflight(origin), await predict(origin)]) {
      expect(response.status).toBe(403)
      expect(response.headers.has('access-control-allow-origin')).toBe(false)
      expect(response.headers.get('vary')).toContain('Origin')
    }
  },
)

test('OPTIONS that is not a preflight still returns the methods of a path', async () => {
  const response = await fetch(`${url}/v1/predictions`, { method: 'OPTIONS', headers: { origin: PAGE } })
  expect([response.status, response.headers.get('allow')]).toEqual([204, 'POST, OPTIONS'])
})

test('by default no origin is allowed, and no response has headers of CORS', async () => {
  const server = await start()
  const response = await predict(PAGE, server.url)
  expect(response.status).toBe(403)
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control') || name === 'vary')).toEqual(
    [],
  )
})

test('with keys, a preflight needs none, and a page needs one for its requests', async () => {
  const verify = async (secret: string) => (secret === 'k' ? { owner: 'k', scopes: ['predict' as const] } : undefined)
  const access = { hasKeys: async () => true, verify }
  const server = await start({ access, appOptions: { allowOrigins: [PAGE] } })
  const options = { method: 'OPTIONS', headers: { origin: PAGE, 'access-control-request-method': 'POST' } }
  expect((await fetch(`${server.url}/v1/predictions`, options)).status).toBe(204)
  const refused = await predict(PAGE, server.url)
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, PAGE])
  const headers = { origin: PAGE, authorization: 'Bearer k' }
  expect((await fetch(`${server.url}/v1/adapters`, { headers })).status).toBe(200)
})
