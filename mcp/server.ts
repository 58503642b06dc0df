import { McpServer } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { callTool } from './call-tool.ts'
import { type McpHandler, makeMcpHandler } from './handler.ts'
import { toJsonSchema } from './json-schema.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { acceptsTasks, serveTasks } from './tasks.ts'
import type { RequestContext, Tool } from './tool.ts'
import { tools } from './tools.ts'
import { makeWorkTasks } from './work-tasks.ts'

const INSTRUCTIONS =
  'Graft trains small adapters on a T5 model to classify reviews, and serves them. Start with list_datasets and list_adapters. Before you launch a training, plan it: call launch_training with plan_only: true. Follow a launched training with get_training and wait_seconds: 30. Pass an idempotency_key with each launch. If a call is cut off, repeat it with the same key.'

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
  const unchanging = { listChanged: false }
  const options = { instructions: INSTRUCTIONS, capabilities: { resources: unchanging, prompts: unchanging } }
  const mcp = new McpServer({ name: 'graft', title: 'Graft', version }, options)
  registerResources(mcp, platform, requestContext)
  registerPrompts(mcp)

  const { server } = mcp
  server.registerCapabilities({ tools: unchanging })
  server.setRequestHandler('tools/list', () => ({ tools: tools.map(toListedTool) }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
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

const toListedTool = ({ name, title, description, input, output, annotations }: Tool) => ({
  name,
  title,
  description,
  inputSchema: toJsonSchema(input, 'input'),
  outputSchema: toJsonSchema(output, 'output'),
  annotations: { title, ...annotations, openWorldHint: false },
})
