import type { CallToolResult } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { Caller, Platform } from '../platform/platform.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'

/** What a request of a client comes with, whatever it asks for. */
export interface Asked {
  caller: Caller
  /** Under which a failure of Graft's own is reported. */
  id: string
  /** Aborts when the server begins to close: for answers that would wait. */
  closing: AbortSignal
  /** The log and the metrics tell how many texts were classified. */
  noteRows(rows: number): void
}

/** A call of a tool. */
export interface Call extends Asked {
  /** Aborts when the client has gone or has cancelled the call. */
  signal: AbortSignal
  /** The client takes a task in place of an answer that would come later. */
  takesTasks: boolean
  /** Tells a client that asked to be told how far the work is; `done` grows from call to call. */
  tell(done: number, of: number, message: string): Promise<void>
}

export interface ToolAnswer<Output> {
  /** In the shape of the tool's output. */
  structured: Output
  /** The same for a reader, in a few lines. */
  text: string
  /** The id of a training or of a comparison that the answer is about: a client that takes tasks is answered with that one. */
  task?: string
}

export function resultOf({ structured, text }: ToolAnswer<Record<string, unknown>>, isError = false): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: structured, ...(isError && { isError }) }
}

interface Declaration<Input extends z.ZodObject, Output extends z.ZodObject> {
  name: string
  title: string
  /** For the agent that chooses among tools. */
  description: string
  input: Input
  output: Output
  /** What a key must allow, where there are keys. */
  scope: KeyScope
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean }
  /** A right call, for the agent that made a wrong one. */
  example: Readonly<Record<string, unknown>>
  /** @throws GraftError what is wrong with the call */
  run(platform: Platform, input: z.output<Input>, call: Call): Promise<ToolAnswer<z.input<Output>>>
}

/** A tool as all code but its own sees it. */
export type Tool = Omit<Declaration<z.ZodObject, z.ZodObject>, 'run'> & {
  run(platform: Platform, input: unknown, call: Call): Promise<ToolAnswer<Record<string, unknown>>>
}

export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(
  declaration: Declaration<Input, Output>,
): Tool {
  return declaration as unknown as Tool
}

/** Of a tool that changes nothing. */
export const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true }
