import type { CallToolResult, InputRequiredResult, ServerContext } from '@modelcontextprotocol/server'

/** A tool that the official suite defines. */
export interface SuiteTool {
  description: string
  /** A JSON Schema. Defaults to no arguments. */
  inputSchema?: { type: 'object'; [key: string]: unknown }
  call(args: Readonly<Record<string, unknown>>, context: ServerContext): Promise<CallToolResult | InputRequiredResult>
}

export const toText = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] })

/** Returns the schema of arguments that are all texts. */
export const textArguments = (...names: string[]): NonNullable<SuiteTool['inputSchema']> => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  required: names,
})
