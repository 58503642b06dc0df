import { type ConnectedMcpSessionPort, withTasks } from '@modelcontextprotocol/ext-tasks/client'
import type { JsonValue } from '@modelcontextprotocol/ext-tasks/core'
import { onTestFinished } from 'vitest'
import type { Where } from './agents.ts'

const REVISION = '2026-07-28'

interface Request {
  method: string
  params: Readonly<Record<string, JsonValue>>
}

interface Reply {
  status: number
  result?: Record<string, unknown>
  error?: { code: number; message: string; data?: JsonValue }
}

/** Sends one request of revision 2026-07-28 as it is. */
export async function ask(
  where: Extract<Where, { url: string }>,
  { method, params }: Request,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const name = params.name ?? params.taskId
  const sent = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...(where.key && { authorization: `Bearer ${where.key}` }),
    ...headers,
  })
  if (typeof name === 'string' && !sent.has('mcp-name')) sent.set('mcp-name', name)
  const response = await fetch(new URL('/mcp', where.url), {
    method: 'POST',
    headers: sent,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, _meta: { ...meta, ...(params._meta as object | undefined) } },
    }),
  })
  return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) }
}

/** The official client of the tasks extension, which checks what it is answered. */
export function taskAgent(where: Extract<Where, { url: string }>) {
  const none = () => () => {}
  const port: ConnectedMcpSessionPort = {
    endpointId: where.url,
    taskCapabilities: { generation: 'v2', capabilities: {} },
    async dispatch(request, options) {
      const { result, error } = await ask(where, request as unknown as Request, options?.context?.headers)
      return error ? { kind: 'error', error } : { kind: 'result', result: result as JsonValue }
    },
    onServerRequest: none,
    onNotification: none,
    onInvalidated: none,
    invalidated: false,
  }
  const session = withTasks(port, { onError: (error) => void Promise.reject(error) })
  onTestFinished(() => session.close())
  return session
}
