import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { openSocket, type StartOptions, start } from './start.ts'
import { withFiles } from './with-files.ts'

const MIB = 2 ** 20

/** Sends a whole request, reads nothing before that, and returns the response; like many blocking clients. */
function sendBeforeReading(url: string, head: readonly string[], bytes: number): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', reject)
    socket.pause()
    const piece = Buffer.alloc(MIB, 0x20)
    socket.write(`${head.join('\r\n')}\r\nhost: localhost\r\n\r\n`)
    const isChunked = head.some((line) => line.includes('chunked'))
    const sendRest = (left: number) => {
      if (left > 0) {
        const part = piece.subarray(0, Math.min(left, MIB))
        if (isChunked) socket.write(`${part.length.toString(16)}\r\n`)
        socket.write(part, () => sendRest(left - part.length))
        if (isChunked) socket.write('\r\n')
        return
      }
      if (isChunked) socket.write('0\r\n\r\n')
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
        const [, length] = /content-length: (\d+)/i.exec(text) ?? []
        if (length && text.length - text.indexOf('\r\n\r\n') - 4 >= Number(length)) {
          socket.destroy()
          resolve(text)
        }
      })
      socket.resume()
    }
    sendRest(bytes)
  })
}

const startSmall = async (options: StartOptions = {}) =>
  start({
    platformParts: await withFiles(),
    appOptions: { bodyLimits: { dataset: { bytes: MIB }, json: { bytes: MIB } } },
    ...options,
  })

test.each([
  ['a declared upload', 'POST /v1/datasets?name=large HTTP/1.1', 'text/csv', `content-length: ${80 * MIB}`],
  ['an upload in chunks', 'POST /v1/datasets?name=large HTTP/1.1', 'text/csv', 'transfer-encoding: chunked'],
  ['declared JSON', 'POST /v1/predictions HTTP/1.1', 'application/json', `content-length: ${80 * MIB}`],
  ['JSON in chunks', 'POST /v1/predictions HTTP/1.1', 'application/json', 'transfer-encoding: chunked'],
])('a client that sends all of %s before it reads learns that it is too large', async (_, line, type, length) => {
  const { url } = await startSmall()
  const response = await sendBeforeReading(url, [line, `content-type: ${type}`, length], 80 * MIB)
  expect(response).toMatch(/^HTTP\/1.1 413 .*"code":"body_too_large"/s)
})

test('a refused body of any other kind is read to its end as well, and the connection serves the next request', async () => {
  const { url } = await startSmall()
  const { socket, waitFor } = openSocket(url)
  const body = ' '.repeat(3 * MIB)
  socket.write(`POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  await waitFor('"code":"not_found"')
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await waitFor('"status":"ok"')
  socket.destroy()
})

test.each([
  ['pauses', { idleSeconds: 0.1, totalSeconds: 60 }, 1e9],
  ['never ends', { idleSeconds: 60, totalSeconds: 0.3 }, 20],
])('the connection of a refused body that %s is closed', async (_, discardLimits, intervalMs) => {
  const { url } = await startSmall({ discardLimits })
  const { socket, received } = openSocket(url)
  socket.write('POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n ')
  const sending = setInterval(() => socket.write(' '), Math.min(intervalMs, 2 ** 30))
  expect(await received).toMatch(/^HTTP\/1.1 404 /)
  clearInterval(sending)
})

test('an idle connection outlives the 60 seconds of common load balancers, whatever the limit of headers', async () => {
  const { url } = await start({ headerSeconds: 0.1 })
  const { socket, waitFor } = openSocket(url)
  const get = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'
  socket.write(get)
  await waitFor('"status":"ok"')
  await waitFor('Keep-Alive: timeout=75')
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(socket.readyState).toBe('open')
  socket.write(get.replace('/healthz', '/nothing'))
  await waitFor('"code":"not_found"')
  socket.destroy()
})
