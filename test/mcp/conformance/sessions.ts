import { randomUUID } from 'node:crypto'
import { isLegacyRequest, type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { McpHandler } from '../../../mcp/handler.ts'

/**
 * Gives each client of 2025-11-25 a session, which the tools of the suite that ask the client something need. Graft's own tools ask nothing, and
 * Graft keeps no session.
 */
export function withSessions(make: () => McpServer, others: McpHandler): McpHandler {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const opened = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await make().connect(transport)
    return transport
  }
  return async (request, parsedBody, asked) => {
    if (!(await isLegacyRequest(request, parsedBody))) return others(request, parsedBody, asked)
    const transport = sessions.get(request.headers.get('mcp-session-id') ?? '') ?? (await opened())
    return transport.handleRequest(request, { parsedBody })
  }
}
