import { randomUUID } from 'node:crypto'
import { isLegacyRequest, type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { McpHandler } from '../../../mcp/handler.ts'

/**
 * Gives each client of 2025-11-25 a session. The tools of the suite that send requests to the client need one. Graft's
 * own tools send none, and Graft keeps no session.
 */
export function withSessions(makeServer: () => McpServer, handler: McpHandler): McpHandler {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const open = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await makeServer().connect(transport)
    return transport
  }
  return async (request, parsedBody, context) => {
    if (!(await isLegacyRequest(request, parsedBody))) return handler(request, parsedBody, context)
    const transport = sessions.get(request.headers.get('mcp-session-id') ?? '') ?? (await open())
    return transport.handleRequest(request, { parsedBody })
  }
}
