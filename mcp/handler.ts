import { createMcpHandler } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { makeMcpServer } from './server.ts'
import type { Asked } from './tool.ts'

/** Answers a request of Streamable HTTP. `body` is its JSON, which has been read. */
export type McpHandler = (request: Request, body: unknown, asked: Asked) => Promise<Response>

/** Serves the tools to clients of the revisions 2026-07-28 and 2025-11-25 (and older ones); no state is kept between requests. */
export function makeMcpHandler(platform: Platform, version: string): McpHandler {
  const handler = createMcpHandler(
    ({ authInfo }) => makeMcpServer(platform, version, authInfo?.extra?.asked as Asked),
    // Nothing here tells of changes, so there is nothing to subscribe to.
    { maxSubscriptions: 0 },
  )
  return (request, parsedBody, asked) => {
    const { owner, scopes } = asked.caller
    // The doors have let the caller in; this only hands on who it is.
    const authInfo = { token: '', clientId: owner, scopes: [...scopes], extra: { asked } }
    return handler.fetch(request, { parsedBody, authInfo })
  }
}
