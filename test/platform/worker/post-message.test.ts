import dns from 'node:dns'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { postMessage } from '../../../platform/worker/post-message.ts'

const message = { headers: { 'content-type': 'application/json' }, body: '{}' }

/** Opens a server that counts its connections, and answers after a time. */
async function openServer(delayMs = 0) {
  const state = { connections: 0 }
  const server = createServer((_, response) => void setTimeout(() => response.end(), delayMs))
  server.on('connection', () => state.connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { ...(server.address() as AddressInfo), state }
}

/** Makes every name resolve to this machine. */
const resolveToLoopback = () =>
  vi.spyOn(dns, 'lookup').mockImplementation(((_: string, __: object, done: (...args: unknown[]) => void) =>
    done(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ])) as never)

test('a name that resolves to this machine gets no connection, although it looks like a public one', async () => {
  const { port, state } = await openServer()
  const resolve = resolveToLoopback()
  await expect(
    postMessage(`https://rebound.example.com:${port}/`, { ...message, isPrivateAllowed: false }),
  ).rejects.toMatchObject({ code: 'NOT_PUBLIC' })
  expect(resolve).toHaveBeenCalled()
  expect(state.connections).toBe(0)
})

test('only the allowed addresses of a name are connected to', async () => {
  const { port, state } = await openServer()
  resolveToLoopback()
  const options = { ...message, isPrivateAllowed: false, isAllowed: (address: string) => address === '127.0.0.1' }
  const sent = postMessage(`https://receiver.example.com:${port}/`, options)
  // The server speaks no TLS.
  await expect(sent).rejects.toMatchObject({ code: 'EPROTO' })
  expect(state.connections).toBe(1)
})

test('an address in the URL is checked as well, in any notation', async () => {
  const { port, state } = await openServer()
  for (const host of ['127.0.0.1', '2130706433', '0x7f000001', '[::ffff:7f00:1]', 'localhost'])
    await expect(
      postMessage(`https://${host}:${port}/`, { ...message, isPrivateAllowed: false }),
    ).rejects.toMatchObject({ code: 'body_invalid' })
  expect(state.connections).toBe(0)
})

test('a receiver that does not answer in time is given up', async () => {
  const { port } = await openServer(60_000)
  const options = { ...message, isPrivateAllowed: true, timeoutMs: 50 }
  await expect(postMessage(`http://127.0.0.1:${port}/`, options)).rejects.toMatchObject({
    name: expect.stringMatching(/^(Timeout|Abort)Error$/),
  })
})
