import { expect, test } from 'vitest'
import { makeApp } from '../../server/app.ts'
import { listen } from '../../server/listen.ts'
import { fakePlatform } from '../platform/fake-platform.ts'
import { openSocket, start } from './start.ts'

const app = makeApp(await fakePlatform(), { version: '1' })
const send = (headers: Record<string, string>) => app.request('http://localhost/healthz', { headers })

test.each(['localhost', 'localhost:80', 'LOCALHOST:3000', '127.0.0.1', '127.0.0.1:65535', '[::1]', '[::1]:8080'])(
  'a request to the host %s is accepted',
  async (host) => {
    expect((await send({ host })).status).toBe(200)
  },
)

test.each([
  '',
  'graft.example',
  'localhost.example',
  '127.0.0.1.example',
  'localhost:',
  '10.0.0.1',
  '0.0.0.0:80',
  '::1',
])('a request to the host "%s" is rejected', async (host) => {
  const response = await send({ host })
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ code: 'host_not_allowed', subject: 'host' })
})

test.each(['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:8080'])(
  'a page from %s is accepted',
  async (origin) => {
    expect((await send({ host: 'localhost', origin })).status).toBe(200)
  },
)

test.each(['https://graft.example', 'null', 'http://localhost.example', 'http://localhost@graft.example', 'file://'])(
  'a page from %s is rejected',
  async (origin) => {
    const response = await send({ host: 'localhost', origin })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: 'host_not_allowed', subject: 'origin', found: origin })
  },
)

test('a foreign host name that points to this machine is rejected over a real connection, also with an absolute URL', async () => {
  const { url } = await start()
  for (const target of ['/healthz', 'http://localhost/healthz']) {
    const { socket, received } = openSocket(url)
    socket.write(`GET ${target} HTTP/1.1\r\nhost: graft.example\r\nconnection: close\r\n\r\n`)
    expect(await received).toMatch(/^HTTP\/1.1 403 .*host_not_allowed/s)
  }
})

test('the server listens only on loopback addresses', async () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'graft.example', '127.0.0.1.example'])
    await expect(listen(app, { host })).rejects.toMatchObject({ code: 'usage', detail: { found: host } })
  const { url, close } = await listen(app, { host: '::1' })
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  await close()
})

test('a port in use is reported as such', async () => {
  const { url } = await start()
  const port = Number(new URL(url).port)
  await expect(listen(app, { port })).rejects.toMatchObject({ code: 'usage', detail: { problem: 'is already in use' } })
})

const sendFrom = (method: string, headers: Record<string, string>) =>
  app.request('http://localhost:8080/v1/datasets', { method, headers: { host: 'localhost:8080', ...headers } })

test.each([
  ['GET', 'cross-site', {}],
  ['GET', 'cross-site', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
  ['POST', 'cross-site', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['POST', 'same-site', { origin: 'http://localhost:3000' }],
  ['DELETE', 'same-site', {}],
])('a browser may not send %s for a page that is %s: %o', async (method, site, headers) => {
  const response = await sendFrom(method, { 'sec-fetch-site': site, ...headers })
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ code: 'host_not_allowed', subject: 'sec-fetch-site', found: site })
})

test.each([
  ['GET', { 'sec-fetch-site': 'same-site' }],
  ['GET', { 'sec-fetch-site': 'none' }],
  ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['POST', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:3000' }],
  ['POST', { origin: 'http://localhost:8080' }],
  ['POST', {}],
])('a browser may send %s with %o', async (method, headers) => {
  expect((await sendFrom(method, headers)).status).not.toBe(403)
})

test('a page of another port may not change anything, even if the browser does not report its site', async () => {
  const response = await sendFrom('POST', { origin: 'http://localhost:3000' })
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ subject: 'origin', found: 'http://localhost:3000' })
})
