import { McpServer } from '@modelcontextprotocol/server'
import { toJsonSchema } from './json-schema.ts'
import { registerPrompts } from './prompts.ts'
import type { Tool } from './tool.ts'

const INSTRUCTIONS =
  'Graft trains small adapters on a T5 model to classify reviews, and serves them. Start with list_datasets and list_adapters; add_dataset adds labeled reviews. Before you launch a training, plan it: call launch_training with plan_only: true. Follow a launched training with get_training and wait_seconds: 30. Pass an idempotency_key with each launch. If a call is cut off, repeat it with the same key. A result has a summary, and often the next call.'

/** Makes a server that says what it has, without what needs the store. */
export function makeBareServer(version: string, tools: readonly Tool[]): McpServer {
  const unchanging = { listChanged: false }
  const options = { instructions: INSTRUCTIONS, capabilities: { resources: unchanging, prompts: unchanging } }
  const mcp = new McpServer({ name: 'graft', title: 'Graft', version }, options)
  registerPrompts(mcp)
  mcp.server.registerCapabilities({ tools: unchanging })
  mcp.server.setRequestHandler('tools/list', () => ({ tools: tools.map(toListedTool) }))
  return mcp
}

const toListedTool = ({ name, title, description, input, output, annotations }: Tool) => ({
  name,
  title,
  description,
  inputSchema: toJsonSchema(input, 'input'),
  outputSchema: toJsonSchema(output, 'output'),
  annotations: { ...annotations, openWorldHint: false },
})
