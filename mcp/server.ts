import type { McpServer } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { makeBareServer } from './bare-server.ts'
import { callTool } from './call-tool.ts'
import { type McpHandler, makeMcpHandler } from './handler.ts'
import { registerResources } from './resources.ts'
import { acceptsTasks, serveTasks } from './tasks.ts'
import type { RequestContext } from './tool.ts'
import { tools } from './tools.ts'
import { makeWorkTasks } from './work-tasks.ts'

/** Makes the handler that serves Graft's tools, resources and prompts. */
export const makeGraftMcp = (platform: Platform, version: string): McpHandler =>
  makeMcpHandler((context, era) => {
    const mcp = makeServer(platform, version, context)
    if (era === 'modern') serveTasks(mcp.server, makeWorkTasks(platform, context))
    return mcp
  })

/**
 * Makes a server for one request. Tools are dispatched here instead of being registered with the SDK, so that an
 * invalid call gets the same error as everywhere else in Graft.
 */
function makeServer(platform: Platform, version: string, requestContext: RequestContext): McpServer {
  const mcp = makeBareServer(version, tools)
  registerResources(mcp, platform, requestContext)
  mcp.server.setRequestHandler('tools/call', async ({ params }, context) => {
    const { mcpReq } = context
    const progressToken = mcpReq._meta?.progressToken
    const reportProgress = async (progress: number, total: number, message: string) => {
      if (progressToken === undefined) return
      const params = { progressToken, progress, total, message }
      // A client that has disconnected cannot be notified. That is not an error.
      await mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {})
    }
    return callTool(platform, params.name, params.arguments, {
      ...requestContext,
      signal: mcpReq.signal,
      acceptsTasks: acceptsTasks(context),
      reportProgress,
    })
  })
  return mcp
}
