import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { describeProblem } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { type Message, toHttpHeaders } from './http-headers.ts'

/** A request with the JSON of a message as its body. */
export type SentRequest = RequestInit & { body: string }

export interface StdioOptions {
  input: Readable
  output: Writable
  /** Sends a message as a request to `/mcp` of a server. */
  send(init: SentRequest, message: Message): Promise<Response>
  /** Aborts to stop the transport, as the end of the input does. */
  signal: AbortSignal
}

const INTERNAL_ERROR = -32603
const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600

/**
 * Forwards the messages of one client to `/mcp`, one per line, and writes the responses, until the input ends. Requests
 * that are still open then are aborted.
 */
export async function serveStdio({ input, output, send, signal }: StdioOptions): Promise<void> {
  const pending = new Map<unknown, AbortController>()
  const forwards = new Set<Promise<void>>()
  /** The revision that an older client has negotiated. Newer clients send it in each request. */
  let negotiatedVersion: string | undefined

  const write = (message: object) => void output.write(`${JSON.stringify(message)}\n`)
  const writeError = (id: unknown, code: number, message: string) =>
    write({ jsonrpc: '2.0', id: id ?? null, error: { code, message } })

  async function forward(line: string): Promise<void> {
    const message = parseMessage(line)
    if (message === undefined)
      return writeError(null, PARSE_ERROR, 'Expected one JSON-RPC message per line, but found invalid JSON.')
    if (message === null)
      return writeError(null, INVALID_REQUEST, 'Expected one JSON-RPC message per line, but found other JSON.')
    const { method, id, params } = message
    if (method === 'notifications/cancelled') return pending.get(params?.requestId)?.abort()
    const control = new AbortController()
    if (id !== undefined) pending.set(id, control)
    let answered = false
    try {
      const init = {
        method: 'POST',
        headers: toHttpHeaders(message, negotiatedVersion),
        body: line,
        signal: control.signal,
      }
      for await (const response of readMessages(await send(init, message))) {
        if (response.id !== undefined) answered = true
        if (method === 'initialize') negotiatedVersion = response.result?.protocolVersion ?? negotiatedVersion
        write({ ...response, ...(response.id === null && id !== undefined && { id }) })
      }
      if (!answered && id !== undefined)
        writeError(id, INTERNAL_ERROR, 'The server ended the response without an answer. Send the request again.')
    } catch (error) {
      // A client that cancelled a request does not wait for a response.
      if (id === undefined || answered || control.signal.aborted) return
      const plain = toPlain(error)
      writeError(id, INTERNAL_ERROR, `${plain.code}: ${describeProblem(plain)} ${plain.fix}`)
    } finally {
      if (id !== undefined) pending.delete(id)
    }
  }

  for await (const line of readLines(input, signal)) {
    if (line.trim() === '') continue
    const forwarding = forward(line).finally(() => forwards.delete(forwarding))
    forwards.add(forwarding)
  }
  for (const control of pending.values()) control.abort()
  await Promise.all(forwards)
}

/** Yields lines. Node's readline also breaks lines at U+2028, which JSON text may contain. */
async function* readLines(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const text of addAbortSignal(signal, input.setEncoding('utf8'))) {
      const lines = `${rest}${text}`.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** @returns undefined if the line is not JSON, null if it is not a message */
function parseMessage(line: string): Message | undefined | null {
  try {
    const message = JSON.parse(line)
    return typeof message?.method === 'string' ? message : null
  } catch {
    return undefined
  }
}

interface JsonRpcResponse {
  id?: unknown
  result?: { protocolVersion?: string }
}

async function* readMessages(response: Response): AsyncGenerator<JsonRpcResponse> {
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('text/event-stream') && response.body) {
    const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of events) if (data !== '') yield JSON.parse(data)
    return
  }
  const text = await response.text()
  if (text === '') return
  const message = type.includes('json') ? JSON.parse(text) : undefined
  if (message?.jsonrpc === '2.0') yield message
  else
    throw new Error(`the server responded with ${response.status} ${text.slice(0, 200)}, which is not an MCP message`)
}
