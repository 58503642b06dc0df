import { type ConnectedMcpSessionPort, withTasks } from '@modelcontextprotocol/ext-tasks/client'
import type { JsonValue } from '@modelcontextprotocol/ext-tasks/core'
import { onTestFinished } from 'vitest'
import type { Endpoint } from './agents.ts'

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

/** Sends one request of revision 2026-07-28. */
export async function sendRequest(
  endpoint: Extract<Endpoint, { url: string }>,
  { method, params }: Request,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const name = params.name ?? params.taskId
  const allHeaders = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...(endpoint.key && { authorization: `Bearer ${endpoint.key}` }),
    ...headers,
  })
  if (typeof name === 'string' && !allHeaders.has('mcp-name')) allHeaders.set('mcp-name', name)
  const response = await fetch(new URL('/mcp', endpoint.url), {
    method: 'POST',
    headers: allHeaders,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, _meta: { ...meta, ...(params._meta as object | undefined) } },
    }),
  })
  return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) }
}

/** Connects the official client of the tasks extension, which validates every response. */
export function connectTaskAgent(endpoint: Extract<Endpoint, { url: string }>) {
  const noListener = () => () => {}
  const port: ConnectedMcpSessionPort = {
    endpointId: endpoint.url,
    taskCapabilities: { generation: 'v2', capabilities: {} },
    async dispatch(request, options) {
      const { result, error } = await sendRequest(endpoint, request as unknown as Request, options?.context?.headers)
      return error ? { kind: 'error', error } : { kind: 'result', result: result as JsonValue }
    },
    onServerRequest: noListener,
    onNotification: noListener,
    onInvalidated: noListener,
    invalidated: false,
  }
  const session = withTasks(port, { onError: (error) => void Promise.reject(error) })
  onTestFinished(() => session.close())
  return session
}
