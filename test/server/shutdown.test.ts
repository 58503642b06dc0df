import { Agent, request as httpRequest } from 'node:http'
import { expect, test } from 'vitest'
import { openSocket, post, start, waitUntil } from './start.ts'

test('the server finishes responses in flight before it closes, and accepts nothing new', async () => {
  const { url, platform, close } = await start()
  const { promise, resolve } = Promise.withResolvers<void>()
  platform.engine.gate = promise
  const answer = post(url, { inputs: ['good'] })
  await waitUntil(() => platform.engine.calls.length === 1)

  let closed = false
  const closing = close().then(() => {
    closed = true
  })
  await expect(post(url, { inputs: ['good'] })).rejects.toThrow()
  expect(closed).toBe(false)
  resolve()
  const response = await answer
  expect(response.headers.get('connection')).toBe('close')
  expect(await response.json()).toMatchObject({ results: [{ label: 'positive' }] })
  await closing
  expect(platform.engine.calls).toHaveLength(1)
})

test('a connection that is idle or has sent nothing does not keep the server open', async () => {
  const { url, close } = await start({ graceSeconds: 60 })
  const silent = openSocket(url)
  await new Promise((resolve) => silent.socket.once('connect', resolve))
  const agent = new Agent({ keepAlive: true })
  await new Promise<void>((resolve) => {
    httpRequest(`${url}/healthz`, { agent }, (response) => response.resume().once('end', resolve)).end()
  })
  const started = performance.now()
  await close()
  expect(performance.now() - started).toBeLessThan(20_000)
  agent.destroy()
})

test('a second request on a connection is not handled while the server shuts down', async () => {
  const { url, platform, close } = await start()
  const { promise, resolve } = Promise.withResolvers<void>()
  platform.engine.gate = promise
  const { socket, received } = openSocket(url)
  const body = '{"inputs":["good"]}'
  const head = `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  socket.write(head + body)
  await waitUntil(() => platform.engine.calls.length === 1)
  const closing = close()
  socket.write(head + body)
  await new Promise((resolve) => setTimeout(resolve, 50))
  resolve()
  await closing
  expect(await received).toMatch(/^HTTP\/1.1 200 /)
  expect(platform.engine.calls).toHaveLength(1)
})

test('a response that exceeds the grace period is cut, and its texts leave the queue', async () => {
  const { url, platform, close } = await start({ graceSeconds: 0.1 })
  platform.engine.gate = new Promise(() => {})
  const answer = expect(post(url, { inputs: ['good'] })).rejects.toThrow()
  await waitUntil(() => platform.engine.calls.length === 1)
  await close()
  await answer
  await waitUntil(() => platform.engine.cancelled.length === 1)
})

test('the server can be closed more than once', async () => {
  const { close } = await start()
  await Promise.all([close(), close()])
  await close()
})

test.each([
  ['transfer-encoding: chunked', (size: number) => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`],
  ['content-length: 1000000000', (size: number) => ' '.repeat(size)],
])('a client that still sends a body that was refused does not keep the process alive: %s', async (length, chunk) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const { url, close } = await start({ graceSeconds: 60, appOptions: { bodyLimits: { json: { bytes: 1000 } } } })
  const before = timers()
  const { socket, received, waitFor } = openSocket(url)
  socket.write(
    `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${length}\r\n\r\n`,
  )
  const sending = setInterval(() => socket.write(chunk(1024)), 5)
  await waitFor('"code":"body_too_large"')
  const started = performance.now()
  await close()
  await received
  clearInterval(sending)
  await waitUntil(() => timers() <= before)
  expect(performance.now() - started).toBeLessThan(20_000)
})
