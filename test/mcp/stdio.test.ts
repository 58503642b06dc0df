import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { serveStdio } from '../../mcp/stdio.ts'
import { startMcp } from './start-mcp.ts'

interface Message {
  id?: unknown
  method?: string
  result?: Record<string, unknown>
  error?: { code: number; message: string }
}

/** Serves a client over pipes. */
function pipe(send: (init: RequestInit) => Promise<Response>, signal = new AbortController().signal) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const chunks: Buffer[] = []
  output.on('data', (chunk) => chunks.push(chunk))
  const lines = (): Message[] =>
    Buffer.concat(chunks)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  return {
    write: (message: unknown) =>
      void input.write(
        `${typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...(message as object) })}\n`,
      ),
    end: () => void input.end(),
    served: serveStdio({ input, output, send, signal }),
    lines,
    async until(id: unknown): Promise<Message> {
      for (;;) {
        const found = lines().find((message) => message.id === id)
        if (found) return found
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
  }
}

test('a line that is not a message gets an error, and the next message a response', async () => {
  const { url } = await startMcp()
  const { write, end, served, until } = pipe((init) => fetch(`${url}/mcp`, init))
  write('{"jsonrpc":')
  expect((await until(null)).error).toMatchObject({ code: -32700 })
  write('[]')
  write('')
  write({ id: 'a', method: 'tools/call', params: { name: 'classify_reviews', arguments: { reviews: ['good\u2028'] } } })
  expect(JSON.stringify((await until('a')).result)).toContain('1 positive.')
  end()
  await served
})

test('a name that a header cannot hold arrives unchanged', async () => {
  const { url } = await startMcp()
  const { write, end, served, until } = pipe((init) => fetch(`${url}/mcp`, init))
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  for (const [id, name] of ['prüfe', ' ', '=?base64?x?='].entries()) {
    write({ id, method: 'tools/call', params: { name, arguments: {}, _meta } })
    expect(JSON.stringify((await until(id)).result)).toContain(JSON.stringify(JSON.stringify(name)).slice(1, -1))
  }
  end()
  await served
})

test('a request for a task repeats its id in the header that HTTP requires', async () => {
  const { url } = await startMcp()
  const { write, end, served, until } = pipe((init) => fetch(`${url}/mcp`, init))
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  }
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
    write({ id: method, method, params: { taskId: 'none', inputResponses: {}, _meta } })
    expect((await until(method)).error?.message).toMatch(/^task_unknown: /)
  }
  end()
  await served
})

test('a cancelled call is aborted and gets no response', async () => {
  const { url, films, platform } = await startMcp()
  platform.engine.gate = new Promise(() => {})
  const { write, end, served, lines } = pipe((init) => fetch(`${url}/mcp`, init))
  write({ id: 7, method: 'tools/call', params: { name: 'classify_reviews', arguments: { reviews: [films] } } })
  while (platform.engine.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  write({ method: 'notifications/cancelled', params: { requestId: 7 } })
  while (platform.engine.cancelled.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  end()
  await served
  expect(lines()).toEqual([])
})

test('the end of the input and a signal abort open requests', async () => {
  for (const how of ['end', 'signal']) {
    const stop = new AbortController()
    const never = ({ signal }: RequestInit) =>
      new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    const { write, end, served } = pipe(never, stop.signal)
    write({ id: 1, method: 'tools/list' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (how === 'end') end()
    else stop.abort()
    await served
  }
})

test.each([
  ['cannot be reached', () => Promise.reject(new Error('refused')), /refused/],
  [
    'ends in the middle',
    async () => new Response('', { headers: { 'content-type': 'text/event-stream' } }),
    /without an answer/,
  ],
  ['is not an MCP server', async () => new Response('<html>', { status: 404 }), /404 <html>/],
])('if the server %s, the call gets an error', async (_, send, message) => {
  const { write, end, served, until } = pipe(send)
  write({ id: 1, method: 'tools/list' })
  expect((await until(1)).error?.message).toMatch(message)
  write({ method: 'notifications/initialized' })
  end()
  await served
})
