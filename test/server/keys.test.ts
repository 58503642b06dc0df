import { expect, test, vi } from 'vitest'
import { type KeyScope, keyScopes } from '../../platform/schemas/statuses.ts'
import { insertApiKey, revokeApiKey } from '../../platform/store/api-keys.ts'
import { type Access, hasScope, makeAccess } from '../../platform/use-cases/access.ts'
import { makeApp } from '../../server/app.ts'
import { listen } from '../../server/listen.ts'
import { fakePlatform } from '../platform/fake-platform.ts'
import { post, readProblem, type StartOptions, start } from './start.ts'

/** Creates access by keys, given the scope of each secret. */
function keys(secrets: Record<string, KeyScope>): Access {
  return {
    hasKeys: async () => Object.keys(secrets).length > 0,
    verify: async (secret) => secrets[secret] && { owner: `id of ${secret}`, scopes: [secrets[secret]] },
  }
}

const withKeys = (options: StartOptions = {}) =>
  start({ access: keys({ graft_p: 'predict', graft_t: 'train', graft_m: 'metrics', graft_a: 'admin' }), ...options })

const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } })

test('train includes predict, admin includes all scopes, and metrics is only for metrics', () => {
  const scopesOf = (scope: KeyScope) => keyScopes.filter((needed) => hasScope({ owner: '', scopes: [scope] }, needed))
  expect(keyScopes.map(scopesOf)).toEqual([
    ['predict'],
    ['predict', 'train'],
    ['metrics'],
    ['predict', 'train', 'metrics', 'admin'],
  ])
  expect(hasScope({ owner: '', scopes: [] }, 'predict')).toBe(false)
})

test('a request without a key is rejected with how to send one, if there are keys', async () => {
  const { url, platform } = await withKeys()
  const response = await post(url, { inputs: ['good'] })
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="graft"')
  expect(await readProblem(response)).toMatchObject({ code: 'key_required', status: 401, problem: 'is missing' })
  expect(platform.engine.calls).toEqual([])
})

test.each([
  ['Bearer graft_x', 'a key that is unknown or was revoked'],
  ['Basic Z3JhZnQ6cA==', 'a value in another form'],
  ['Bearer', 'a value in another form'],
  ['Bearer graft_p graft_a', 'a value in another form'],
  ['', 'a value in another form'],
])('the header authorization: %s is rejected', async (authorization, found) => {
  const { url } = await withKeys()
  const response = await fetch(`${url}/v1/adapters`, { headers: { authorization } })
  expect(response.headers.get('www-authenticate')).toContain('invalid_token')
  expect(await readProblem(response)).toMatchObject({ code: 'key_invalid', status: 401, found })
})

test('a key can do what its scopes allow, and errors name the missing scope', async () => {
  const { url } = await withKeys()
  const status = async (secret: string, path: string, init: RequestInit = {}) =>
    (await fetch(url + path, { ...init, ...bearer(secret) })).status
  for (const secret of ['graft_p', 'graft_t', 'graft_a']) expect(await status(secret, '/v1/adapters')).toBe(200)
  expect(await status('graft_p', '/v1/trainings')).toBe(403)
  expect(await status('graft_t', '/v1/trainings')).toBe(200)
  expect(await status('graft_t', '/v1/keys')).toBe(403)
  expect(await status('graft_a', '/v1/keys')).toBe(200)
  expect(await status('graft_t', '/metrics')).toBe(403)
  expect(await status('graft_a', '/metrics')).toBe(200)
  expect(await status('graft_m', '/metrics')).toBe(200)
  expect(await status('graft_m', '/v1/adapters')).toBe(403)
  expect(await status('graft_p', '/v1/adapters/imdb', { method: 'DELETE' })).toBe(403)
  const caller = await (await fetch(`${url}/v1/caller`, bearer('graft_t'))).json()
  expect(caller).toEqual({ key: expect.any(String), scopes: ['predict', 'train'] })
  expect(await status('graft_m', '/v1/caller')).toBe(403)
  const response = await fetch(`${url}/v1/trainings`, bearer('graft_p'))
  expect(await readProblem(response)).toMatchObject({
    code: 'scope_missing',
    expected: 'the scope train',
    found: 'predict',
  })
})

test('health, readiness and the documentation need no key', async () => {
  const { url } = await withKeys()
  for (const path of ['/healthz', '/readyz', '/docs', '/docs/errors', '/openapi.json'])
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200])
  expect((await fetch(`${url}/nothing`)).status).toBe(404)
})

test('with keys, any host and origin is accepted, but no other origin may read the response', async () => {
  const app = makeApp(await fakePlatform(), { version: '1', access: keys({ graft_a: 'admin' }) })
  const headers = { host: 'graft.example', origin: 'https://page.example', authorization: 'Bearer graft_a' }
  const response = await app.request('/v1/adapters', { headers })
  expect(response.status).toBe(200)
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
})

test('a key in a request is ignored while there are no keys', async () => {
  const { url } = await start({ access: keys({}) })
  expect((await fetch(`${url}/v1/adapters`, bearer('graft_x'))).status).toBe(200)
})

test('a server that has seen a key still requires one after the last key is revoked', async () => {
  const secrets: Parameters<typeof keys>[0] = {}
  const { url } = await start({ access: { ...keys(secrets), hasKeys: async () => Object.keys(secrets).length > 0 } })
  const status = async () => (await fetch(`${url}/v1/adapters`)).status
  expect(await status()).toBe(200)
  secrets.graft_a = 'admin'
  expect(await status()).toBe(401)
  delete secrets.graft_a
  expect(await status()).toBe(401)
})

test('a server listens on a public address only if there are keys', async () => {
  const app = makeApp(await fakePlatform(), { version: '1' })
  await expect(listen(app, { host: '0.0.0.0', access: keys({}) })).rejects.toMatchObject({ code: 'usage' })
  const { url, close } = await withKeys({ host: '0.0.0.0' })
  expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/v1/adapters`)).status).toBe(401)
  await close()
})

test('a connection from another machine is rejected without keys, whatever its headers', async () => {
  const app = makeApp(await fakePlatform(), { version: '1' })
  const from = async (remoteAddress: string) => {
    const env = { incoming: { socket: { remoteAddress } } as never }
    return (await app.request('/healthz', { headers: { host: 'localhost' } }, env)).status
  }
  expect(await from('127.0.0.1')).toBe(200)
  expect(await from('::ffff:127.0.0.1')).toBe(200)
  expect(await from('::1')).toBe(200)
  expect(await from('10.0.0.7')).toBe(403)
  expect(await from('::ffff:10.0.0.7')).toBe(403)
})

test('the liveness check succeeds while the store does not answer', async () => {
  const access: Access = { hasKeys: () => Promise.reject(new Error('down')), verify: async () => undefined }
  const { url } = await start({ access })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/v1/adapters`)).status).toBe(500)
})

test('verifying the same key again within a few seconds does not query the store', async () => {
  const { store } = await fakePlatform()
  const { key, secret } = await insertApiKey(store.db, { name: 'one', scopes: ['train'] })
  vi.useFakeTimers({ toFake: ['performance'] })
  const select = vi.spyOn(store.db, 'select')
  const access = makeAccess(store)
  expect(await access.hasKeys()).toBe(true)
  expect(await Promise.all([access.verify(secret), access.verify(secret)])).toEqual([
    { owner: key.id, scopes: ['train'] },
    { owner: key.id, scopes: ['train'] },
  ])
  expect(select).toHaveBeenCalledTimes(2)
  await revokeApiKey(store.db, key.id)
  expect(await access.verify(secret)).toMatchObject({ owner: key.id })
  vi.advanceTimersByTime(3001)
  expect(await access.verify(secret)).toBeUndefined()
  expect(await access.hasKeys()).toBe(false)
})

test('a client that continues does not wait for the store, and a revoked key is refused all the same', async () => {
  const { store } = await fakePlatform()
  const { key, secret } = await insertApiKey(store.db, { name: 'one', scopes: ['train'] })
  vi.useFakeTimers({ toFake: ['performance'] })
  const access = makeAccess(store)
  const select = vi.spyOn(store.db, 'select').mockClear()
  const askAfter = async (milliseconds: number) => {
    vi.advanceTimersByTime(milliseconds)
    const before = select.mock.calls.length
    const caller = await access.verify(secret)
    return { owner: caller?.owner, queries: select.mock.calls.length - before }
  }
  expect(await askAfter(0)).toEqual({ owner: key.id, queries: 1 })
  const first = await access.verify(secret)
  expect(await askAfter(900)).toEqual({ owner: key.id, queries: 0 })
  // The answer is the known one, while the store returns the next one.
  expect(await askAfter(900)).toEqual({ owner: key.id, queries: 1 })
  await expect.poll(() => access.verify(secret)).not.toBe(first)
  await revokeApiKey(store.db, key.id)
  // Older than three seconds if it had not been replaced.
  expect(await askAfter(2900)).toEqual({ owner: key.id, queries: 1 })
  await expect.poll(async () => (await askAfter(0)).owner).toBeUndefined()
  expect(await askAfter(0)).toEqual({ owner: undefined, queries: 0 })
})

test('keys are created, listed and revoked over HTTP, and their secrets are shown once', async () => {
  const { url } = await start()
  const created = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'mine', scopes: ['admin'] }),
  })
  const { id, secret } = (await created.json()) as { id: string; secret: string }
  expect([created.status, created.headers.get('location')]).toEqual([201, `/v1/keys/${id}`])
  expect(secret).toMatch(/^graft_/)
  const list = await (await fetch(`${url}/v1/keys`)).text()
  expect(list).toContain(id)
  expect(list).not.toContain(secret)
  expect(await (await fetch(`${url}/v1/keys/${id}`, { method: 'DELETE' })).json()).toMatchObject({
    revoked_at: expect.any(String),
  })
  const again = await fetch(`${url}/v1/keys/${id}`, { method: 'DELETE' })
  expect(await readProblem(again)).toMatchObject({ code: 'key_unknown', status: 404 })
})

test('from the first key on, a request without one is rejected at once', async () => {
  const platform = await fakePlatform()
  const { url } = await start({ access: makeAccess(platform.store) })
  const create = (init: RequestInit = {}) =>
    fetch(`${url}/v1/keys`, {
      method: 'POST',
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
      body: JSON.stringify({ name: 'first', scopes: ['admin'] }),
    })
  expect((await fetch(`${url}/v1/adapters`)).status).toBe(200)
  const { id, secret } = (await (await create()).json()) as { id: string; secret: string }
  expect((await fetch(`${url}/v1/adapters`)).status).toBe(401)

  const second = (await (await create(bearer(secret))).json()) as { id: string; secret: string }
  expect((await fetch(`${url}/v1/adapters`, bearer(second.secret))).status).toBe(200)
  for (const key of [second.id, id]) await fetch(`${url}/v1/keys/${key}`, { method: 'DELETE', ...bearer(secret) })
  expect((await fetch(`${url}/v1/adapters`, bearer(second.secret))).status).toBe(401)
})

test('a text that cannot be a key is rejected without a query', async () => {
  const { store } = await fakePlatform()
  const select = vi.spyOn(store.db, 'select').mockClear()
  const { verify } = makeAccess(store)
  for (const text of ['', 'graft_', `graft_${'a'.repeat(42)}`, `graft_${'a'.repeat(12_000)}`, `${'a'.repeat(49)}`])
    expect(await verify(text)).toBeUndefined()
  expect(select.mock.calls.length).toBe(0)
  expect(await verify(`graft_${'a'.repeat(43)}`)).toBeUndefined()
  expect(select.mock.calls.length).toBe(1)
})
