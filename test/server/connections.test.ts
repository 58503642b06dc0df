import { expect, test } from 'vitest'
import { openSocket, post, start, waitUntil } from './start.ts'

test('the body of a request that has none is not read: its connection is closed', async () => {
  const { url } = await start()
  const { socket, received } = openSocket(url)
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n')
  const trickle = setInterval(() => socket.write('x'), 50)
  expect(await received).toMatch(/^HTTP\/1.1 200 .*connection: close/is)
  clearInterval(trickle)
})

test('a connection stays open after a request without a body', async () => {
  const { url } = await start()
  const { socket, waitFor } = openSocket(url)
  const get = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'
  socket.write(get)
  await waitFor('"status":"ok"')
  socket.write(get.replace('/healthz', '/nothing'))
  await waitFor('"code":"not_found"')
  expect(socket.readyState).toBe('open')
})

test.each(['/healthz', 'http://localhost/healthz'])(
  'a request to %s without the header Host is rejected with a problem',
  async (target) => {
    const { url } = await start()
    const { socket, received } = openSocket(url)
    socket.write(`GET ${target} HTTP/1.1\r\nconnection: close\r\n\r\n`)
    expect(await received).toMatch(/^HTTP\/1.1 400 .*application\/problem\+json.*"code":"request_malformed"/s)
  },
)

test('an expectation that the server does not know is ignored', async () => {
  const { url } = await start()
  const { socket, received } = openSocket(url)
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\nexpect: the-unexpected\r\nconnection: close\r\n\r\n')
  expect(await received).toMatch(/^HTTP\/1.1 200 /)
})

test('above the maximum of connections, idle ones make room', async () => {
  const { url } = await start({ maxConnections: 2 })
  const idle = [openSocket(url), openSocket(url)]
  for (const { socket, waitFor } of idle) {
    socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await waitFor('"status":"ok"')
  }
  const refused = openSocket(url)
  await refused.received
  await Promise.all(idle.map(({ received }) => received))
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('busy connections are not closed for others', async () => {
  const { url, platform } = await start({ maxConnections: 1 })
  const { promise, resolve } = Promise.withResolvers<void>()
  platform.engine.gate = promise
  const answer = post(url, { inputs: ['good'] })
  await waitUntil(() => platform.engine.calls.length === 1)
  await openSocket(url).received
  resolve()
  expect((await answer).status).toBe(200)
})
