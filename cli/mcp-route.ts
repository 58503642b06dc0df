import { z } from 'zod'
import { catalogue } from '../core/catalogue.ts'
import type { McpHandler } from '../mcp/handler.ts'
import { type Problem, problem } from '../platform/schemas/common.ts'
import { retryHeadersOf } from '../server/error-response.ts'
import { json, type Route, route } from '../server/route.ts'

/**
 * Makes the route `/mcp` of the HTTP API.
 * @param load called on the first request
 */
export function mcpRoute(load: () => Promise<McpHandler>): Route {
  let handler: Promise<McpHandler> | undefined
  return route({
    method: 'POST',
    path: '/mcp',
    summary: 'Call the agent tools (Model Context Protocol over Streamable HTTP)',
    tag: 'Server',
    scope: 'predict',
    json: { schema: z.unknown(), example: {}, fix: 'Send a JSON-RPC message.' },
    responses: {
      200: {
        description: 'Returns the JSON-RPC response, as JSON or as a stream of events.',
        contentTypes: ['application/json', 'text/event-stream'],
      },
    },
    errorFormat: { schema: problem, statusOf: (code) => catalogue[code].status, toResponse: toJsonRpcError },
    async handle({ request, body, caller, requestId, shutdown, recordRows }) {
      handler ??= load()
      return (await handler)(request, body, { caller, requestId, shutdown, recordRows })
    },
  })
}

/** Returns a problem as a JSON-RPC error, with its HTTP status. */
function toJsonRpcError(problem: Problem): Response {
  const { status, code, detail, fix } = problem
  const rpcCode = code === 'body_not_json' ? -32700 : status >= 500 ? -32603 : -32600
  const error = { code: rpcCode, message: `${code}: ${detail} ${fix}`, data: problem }
  return json({ jsonrpc: '2.0', id: null, error }, { status, headers: retryHeadersOf(code) })
}
