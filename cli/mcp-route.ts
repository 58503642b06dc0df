import { z } from 'zod'
import { catalogue } from '../core/catalogue.ts'
import { fail } from '../core/errors.ts'
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
    // The transport requires it (Streamable HTTP, Security Warning).
    checksOrigin: true,
    json: { schema: z.unknown(), example: {}, fix: 'Send a JSON-RPC message.' },
    responses: {
      200: {
        description: 'Returns the JSON-RPC response, as JSON or as a stream of events.',
        contentTypes: ['application/json', 'text/event-stream'],
      },
    },
    errorFormat: { schema: problem, statusOf: (code) => catalogue[code].status, toResponse: toJsonRpcError },
    async handle(context) {
      const { request, body } = context
      await context.admitRequests(countMessages(body) - 1)
      handler ??= load()
      return (await handler)(request, body, context)
    },
  })
}

/**
 * The maximum number of messages in a batch. Revisions since 2025-06-18 have no batches.
 */
const MAX_MESSAGES = 10

/** @throws GraftError `body_invalid` if there are too many messages */
function countMessages(body: unknown): number {
  if (!Array.isArray(body) || body.length <= 1) return 1
  if (body.length <= MAX_MESSAGES) return body.length
  return fail('body_invalid', {
    subject: 'the batch',
    expected: `at most ${MAX_MESSAGES} messages`,
    found: `${body.length}`,
    fix: 'Send each message in a request of its own.',
  })
}

/** Returns a problem as a JSON-RPC error, with its HTTP status. */
function toJsonRpcError(problem: Problem): Response {
  const { status, code, detail, fix } = problem
  const rpcCode = code === 'body_not_json' ? -32700 : status >= 500 ? -32603 : -32600
  const error = { code: rpcCode, message: `${code}: ${detail} ${fix}`, data: problem }
  return json({ jsonrpc: '2.0', id: null, error }, { status, headers: retryHeadersOf(code) })
}
