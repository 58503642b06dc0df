import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { describeProblem, toPlain } from '../core/errors.ts'
import { headersOf, type Message } from './http-headers.ts'

export interface StdioOptions {
  input: Readable
  output: Writable
  /** Asks `/mcp`, of whatever server that is. */
  send(init: RequestInit): Promise<Response>
  /** Ends the work as the end of the input does. */
  signal: AbortSignal
}

const INTERNAL = -32603
const NOT_JSON = -32700
const INVALID = -32600

/**
 * Carries the messages of one client, a line each, to `/mcp` and the answers back, until the input ends. What is still asked then is
 * given up.
 */
export async function serveStdio({ input, output, send, signal }: StdioOptions): Promise<void> {
  const asking = new Map<unknown, AbortController>()
  const work = new Set<Promise<void>>()
  /** What a client of the older revisions has agreed on; later ones say it in each request. */
  let agreed: string | undefined

  const write = (message: object) => void output.write(`${JSON.stringify(message)}\n`)
  const refuse = (id: unknown, code: number, message: string) =>
    write({ jsonrpc: '2.0', id: id ?? null, error: { code, message } })

  async function forward(line: string): Promise<void> {
    const message = messageIn(line)
    if (message === undefined) return refuse(null, NOT_JSON, 'Expected one JSON-RPC message a line, but found no JSON.')
    if (message === null)
      return refuse(null, INVALID, 'Expected one JSON-RPC message a line, but found something else.')
    const { method, id, params } = message
    if (method === 'notifications/cancelled') return asking.get(params?.requestId)?.abort()
    const control = new AbortController()
    if (id !== undefined) asking.set(id, control)
    let answered = false
    try {
      const init = { method: 'POST', headers: headersOf(message, agreed), body: line, signal: control.signal }
      for await (const answer of messagesOf(await send(init))) {
        if (answer.id !== undefined) answered = true
        if (method === 'initialize') agreed = answer.result?.protocolVersion ?? agreed
        write({ ...answer, ...(answer.id === null && id !== undefined && { id }) })
      }
      if (!answered && id !== undefined) refuse(id, INTERNAL, 'The server ended without an answer; ask again.')
    } catch (error) {
      // Who cancelled does not wait for an answer.
      if (id === undefined || answered || control.signal.aborted) return
      const plain = toPlain(error)
      refuse(id, INTERNAL, `${plain.code}: ${describeProblem(plain)} ${plain.fix}`)
    } finally {
      if (id !== undefined) asking.delete(id)
    }
  }

  for await (const line of linesOf(input, signal)) {
    if (line.trim() === '') continue
    const forwarding = forward(line).finally(() => work.delete(forwarding))
    work.add(forwarding)
  }
  for (const control of asking.values()) control.abort()
  await Promise.all(work)
}

/** Node's own readline would break a line at U+2028, too, which JSON may hold. */
async function* linesOf(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
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

/** @returns undefined for what is no JSON, null for what is no message */
function messageIn(line: string): Message | undefined | null {
  try {
    const message = JSON.parse(line)
    return typeof message?.method === 'string' ? message : null
  } catch {
    return undefined
  }
}

interface Answer {
  id?: unknown
  result?: { protocolVersion?: string }
}

async function* messagesOf(response: Response): AsyncGenerator<Answer> {
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('text/event-stream') && response.body) {
    const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of events) if (data !== '') yield JSON.parse(data)
    return
  }
  const text = await response.text()
  if (text === '') return
  const answer = type.includes('json') ? JSON.parse(text) : undefined
  if (answer?.jsonrpc === '2.0') yield answer
  else throw new Error(`${response.status} ${text.slice(0, 200)}, which is no answer of MCP`)
}
