import { z } from 'zod'
import { catalogue, type ErrorCode } from '../core/catalogue.ts'
import type { McpHandler } from '../mcp/handler.ts'
import { type Problem, problem } from '../platform/schemas/common.ts'
import { retryAfter } from '../server/problem-response.ts'
import { json, type Route, route } from '../server/route.ts'

/**
 * `/mcp`, behind the doors of the API.
 * @param load called when the first agent comes
 */
export function mcpRoute(load: () => Promise<McpHandler>): Route {
  let made: Promise<McpHandler> | undefined
  return route({
    method: 'POST',
    path: '/mcp',
    summary: 'The Model Context Protocol, over Streamable HTTP',
    tag: 'Server',
    scope: 'predict',
    json: { schema: z.unknown(), example: {}, fix: 'Send a message of JSON-RPC.' },
    answers: { 200: { description: 'What was asked for', types: ['application/json', 'text/event-stream'] } },
    refusal: { schema: problem, statusOf: (code) => catalogue[code].status, respond: refusal },
    async handle({ request, body, caller, id, closing, noteRows }) {
      made ??= load()
      return (await made)(request, body, { caller, id, closing, noteRows })
    },
  })
}

/** As JSON-RPC answers errors, with the status and the problem of HTTP. */
function refusal(problem: Problem): Response {
  const { status, code, detail, fix } = problem
  const number = code === 'body_not_json' ? -32700 : status >= 500 ? -32603 : -32600
  const error = { code: number, message: `${code}: ${detail} ${fix}`, data: problem }
  const retry = retryAfter[code as ErrorCode]
  return json({ jsonrpc: '2.0', id: null, error }, { status, headers: retry ? { 'retry-after': retry } : {} })
}
