import { McpServer } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { callTool } from './call-tool.ts'
import { type McpHandler, makeMcpHandler } from './handler.ts'
import { schemaOf } from './json-schema.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { serveTasks, takesTasks } from './tasks.ts'
import type { Asked, Tool } from './tool.ts'
import { tools } from './tools.ts'
import { workTasks } from './work-tasks.ts'

const INSTRUCTIONS =
  'Graft trains small adapters on a T5 to classify reviews, and serves them. Begin with list_datasets and list_adapters. Plan a training (launch_training with plan_only: true) before you launch it, then follow it with get_training and wait_seconds: 30. Give each launch an idempotency_key, and repeat a call that was cut off with the same one.'

/** The tools, resources and prompts of Graft. */
export const graftMcp = (platform: Platform, version: string): McpHandler =>
  makeMcpHandler((asked, era) => {
    const mcp = makeServer(platform, version, asked)
    if (era === 'modern') serveTasks(mcp.server, workTasks(platform, asked))
    return mcp
  })

/**
 * A server for what one client asks. Tools are dispatched here rather than registered, so that what is wrong with a call is told as
 * everywhere in Graft.
 */
function makeServer(platform: Platform, version: string, asked: Asked): McpServer {
  const quiet = { listChanged: false }
  const options = { instructions: INSTRUCTIONS, capabilities: { resources: quiet, prompts: quiet } }
  const mcp = new McpServer({ name: 'graft', title: 'Graft', version }, options)
  registerResources(mcp, platform, asked)
  registerPrompts(mcp)

  const { server } = mcp
  server.registerCapabilities({ tools: quiet })
  server.setRequestHandler('tools/list', () => ({ tools: tools.map(listed) }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const { mcpReq } = context
    const token = mcpReq._meta?.progressToken
    const tell = async (progress: number, total: number, message: string) => {
      if (token === undefined) return
      const told = { progressToken: token, progress, total, message }
      // A client that has gone hears nothing, which is no fault.
      await mcpReq.notify({ method: 'notifications/progress', params: told }).catch(() => {})
    }
    return callTool(platform, params.name, params.arguments, {
      ...asked,
      signal: mcpReq.signal,
      takesTasks: takesTasks(context),
      tell,
    })
  })
  return mcp
}

const listed = ({ name, title, description, input, output, annotations }: Tool) => ({
  name,
  title,
  description,
  inputSchema: schemaOf(input, 'input'),
  outputSchema: schemaOf(output, 'output'),
  annotations: { title, ...annotations, openWorldHint: false },
})
