import type { CallToolResult, InputRequiredResult, ServerContext } from '@modelcontextprotocol/server'

/** A tool of which the official suite says what it takes and does. */
export interface SuiteTool {
  description: string
  /** JSON Schema; takes nothing where absent. */
  inputSchema?: { type: 'object'; [key: string]: unknown }
  call(args: Readonly<Record<string, unknown>>, context: ServerContext): Promise<CallToolResult | InputRequiredResult>
}

export const said = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] })

/** Of texts alone. */
export const texts = (...names: string[]): NonNullable<SuiteTool['inputSchema']> => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  required: names,
})
