import { setTimeout as sleep } from 'node:timers/promises'
import { inputRequired } from '@modelcontextprotocol/server'
import { type SuiteTool, textArguments, toText } from './tool.ts'

/** One red pixel, as PNG. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

/** No samples, as WAV. */
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

const image = { type: 'image', data: PIXEL, mimeType: 'image/png' } as const
const resource = (uri: string, mimeType: string, text: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text } }) as const

const address = {
  $anchor: 'addressDef',
  type: 'object',
  properties: { street: { type: 'string' }, city: { type: 'string' } },
}

/** Tools that send no request to the client. */
export const contentTools: Readonly<Record<string, SuiteTool>> = {
  greet: {
    description: 'Greets by name.',
    inputSchema: { ...textArguments('name'), required: [] },
    call: async ({ name = 'you' }) => toText(`Hello, ${name}!`),
  },
  test_simple_text: {
    description: 'Answers with text.',
    call: async () => toText('This is a simple text response for testing.'),
  },
  test_image_content: { description: 'Answers with an image.', call: async () => ({ content: [image] }) },
  test_audio_content: {
    description: 'Answers with sound.',
    call: async () => ({ content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] }),
  },
  test_embedded_resource: {
    description: 'Answers with a resource.',
    call: async () => ({
      content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
    }),
  },
  test_multiple_content_types: {
    description: 'Answers with text, an image and a resource.',
    call: async () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        image,
        resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ],
    }),
  },
  test_error_handling: {
    description: 'Always fails.',
    call: async () => ({ ...toText('This tool intentionally returns an error for testing'), isError: true }),
  },
  test_tool_with_logging: { description: 'Logs while it works.', call: (_, { mcpReq }) => logging(mcpReq.log) },
  test_logging_tool: { description: 'Logs while it works.', call: (_, { mcpReq }) => logging(mcpReq.log) },
  test_tool_with_progress: {
    description: 'Reports its progress.',
    async call(_, { mcpReq }) {
      const progressToken = mcpReq._meta?.progressToken
      for (const progress of [0, 50, 100]) {
        const params = { progressToken: progressToken as string, progress, total: 100 }
        if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params })
        await sleep(10)
      }
      return toText('Done.')
    },
  },
  test_missing_capability: {
    description: 'Requests the model of the client.',
    call: async () =>
      inputRequired({
        inputRequests: {
          ask: inputRequired.createMessage({
            messages: [{ role: 'user', content: { type: 'text', text: 'Anything?' } }],
            maxTokens: 10,
          }),
        },
      }),
  },
  test_streaming_elicitation: {
    description: 'Asks the user.',
    async call(_, { mcpReq }) {
      const progressToken = mcpReq._meta?.progressToken
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
      const requestedSchema = { type: 'object', properties: { ok: { type: 'boolean' } } } as const
      return inputRequired({ inputRequests: { ask: inputRequired.elicit({ message: 'Continue?', requestedSchema }) } })
    },
  },
  test_header_tool: {
    description: 'Takes an argument that a header repeats.',
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
    call: async ({ region }) => toText(`In ${region}.`),
  },
  json_schema_2020_12_tool: {
    description: 'Takes arguments that use JSON Schema 2020-12.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    call: async () => toText('Taken.'),
  },
}

async function logging(log: (level: 'info', data: string) => Promise<void>) {
  for (const text of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
    await log('info', text)
    await sleep(10)
  }
  return toText('Logged.')
}
