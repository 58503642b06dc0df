import {
  acceptedContent,
  completable,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceTemplate,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { type McpHandler, makeMcpHandler } from '../../../mcp/handler.ts'
import { serveTasks } from '../../../mcp/tasks.ts'
import { askingTools } from './asking-tools.ts'
import { contentTools, PIXEL } from './content-tools.ts'
import { inputTools, states } from './input-tools.ts'
import { withSessions } from './sessions.ts'
import { makeSuiteTasks } from './task-tools.ts'
import type { SuiteTool } from './tool.ts'

/** Makes a server with everything that the official suite needs, behind Graft's own handler. */
export function makeSuiteMcp(): McpHandler {
  const { tasks, tools } = makeSuiteTasks()
  const handler = makeMcpHandler((_, era) => {
    const mcp = makeServer({ ...contentTools, ...inputTools, ...tools })
    if (era === 'modern') serveTasks(mcp.server, tasks)
    return mcp
  })
  return withSessions(makeSessionServer, handler)
}

/** Makes a server for a client with a session, which can receive requests and subscribe to resources. */
function makeSessionServer(): McpServer {
  const mcp = makeServer({ ...contentTools, ...inputTools, ...askingTools })
  const { server } = mcp
  server.registerCapabilities({ resources: { subscribe: true } })
  server.setRequestHandler('resources/subscribe', () => ({}))
  server.setRequestHandler('resources/unsubscribe', () => ({}))
  return mcp
}

function makeServer(tools: Readonly<Record<string, SuiteTool>>): McpServer {
  const unchanging = { listChanged: false }
  const mcp = new McpServer(
    { name: 'suite', version: '1' },
    {
      capabilities: { tools: unchanging, resources: unchanging, prompts: unchanging, logging: {} },
      requestState: { verify: states.verify },
    },
  )
  registerResources(mcp)
  registerPrompts(mcp)
  // The SDK compares headers with arguments only for registered tools.
  const { description, inputSchema } = contentTools.test_header_tool
  mcp.registerTool('test_header_tool', { description, inputSchema: fromJsonSchema(inputSchema as never) }, () =>
    throwUnreachable(),
  )

  const { server } = mcp
  const listedTools = Object.entries(tools).map(
    ([name, { description, inputSchema = { type: 'object' as const } }]) => ({
      name,
      description,
      inputSchema,
    }),
  )
  server.setRequestHandler('tools/list', () => ({ tools: listedTools }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    if (!Object.hasOwn(tools, params.name)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'No such tool.')
    return tools[params.name].call(params.arguments ?? {}, context)
  })
  return mcp
}

function throwUnreachable(): never {
  throw new Error('the request handlers of the server are used instead')
}

function registerResources(mcp: McpServer): void {
  const text = { description: 'A text.', mimeType: 'text/plain' }
  mcp.registerResource('static-text', 'test://static-text', text, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
  }))
  const image = { description: 'An image.', mimeType: 'image/png' }
  mcp.registerResource('static-binary', 'test://static-binary', image, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'image/png', blob: PIXEL }],
  }))
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined })
  mcp.registerResource('template', template, { description: 'Data by id.' }, ({ href }, { id }) => ({
    contents: [
      {
        uri: href,
        mimeType: 'application/json',
        text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
      },
    ],
  }))
}

function registerPrompts(mcp: McpServer): void {
  const user = (...content: { type: string; [key: string]: unknown }[]) => ({
    messages: content.map((content) => ({ role: 'user' as const, content: content as { type: 'text'; text: string } })),
  })
  const text = (text: string) => ({ type: 'text', text })
  mcp.registerPrompt('test_simple_prompt', { description: 'A prompt.' }, () =>
    user(text('This is a simple prompt for testing.')),
  )
  const cities = ['paris', 'park', 'party', 'test']
  const arg1 = completable(z.string(), (prefix) => cities.filter((city) => city.startsWith(prefix)))
  mcp.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'A prompt with arguments.', argsSchema: z.object({ arg1, arg2: z.string() }) },
    ({ arg1, arg2 }) => user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  )
  mcp.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri: uri }) => {
      const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' }
      return user({ type: 'resource', resource }, text('Please process the embedded resource above.'))
    },
  )
  mcp.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image.' }, () =>
    user({ type: 'image', data: PIXEL, mimeType: 'image/png' }, text('Please analyze the image above.')),
  )
  mcp.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'A prompt that requests input first.' },
    async ({ mcpReq }) => {
      const schema = z.object({ context: z.string() })
      const given = acceptedContent(mcpReq.inputResponses, 'user_context', schema)
      if (given) return user(text(`In the context of ${given.context}.`))
      const message = 'What context should the prompt use?'
      return inputRequired({
        inputRequests: { user_context: inputRequired.elicit({ message, requestedSchema: schema }) },
      })
    },
  )
}
