import type { CallToolResult } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Caller, Platform } from '../platform/platform.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'

/** The context of any request of a client. */
export interface RequestContext {
  caller: Caller
  /** The id under which an internal failure is logged. */
  requestId: string
  /** Aborts when the server starts to shut down. A call that waits must return then. */
  shutdown: AbortSignal
  /** Records how many texts were classified, for the log and the metrics. */
  recordRows(rows: number): void
  /** Counts texts to classify and their characters for the limits of the caller. @throws GraftError `overloaded` */
  admitTexts(count: number, characters: number): void
  /** Counts an open event stream for the limit of the caller. @throws GraftError `overloaded` */
  admitStream(): void
}

/** The context of a tool call. */
export interface CallContext extends RequestContext {
  /** Aborts if the client disconnects or cancels the call. */
  signal: AbortSignal
  /** True if the client accepts a task instead of waiting for the result. */
  acceptsTasks: boolean
  /** Sends progress to a client that requested it. `done` must grow from call to call. */
  reportProgress(done: number, total: number, message: string): Promise<void>
}

/** A call that an agent is likely to make next. */
export interface NextCall {
  tool: string
  arguments: Readonly<Record<string, unknown>>
}

export interface ToolResult<Output> {
  /** The result in a sentence or two. */
  summary: string
  next?: NextCall
  /** Has the shape of the tool's output schema. */
  structured: Output
  /** The id of the work behind the result. A client that accepts tasks gets this task instead. */
  taskId?: string
}

/** The fields of every result, beside those of its tool. */
export const resultFields = {
  summary: z.string(),
  next: z.looseObject({}).optional(),
}

/**
 * Returns a result as the protocol has it. Its text is the same result as JSON, because many clients show their model
 * only the text, and others only the structure.
 */
export function toCallToolResult(
  { summary, next, structured }: ToolResult<Record<string, unknown>>,
  isError = false,
): CallToolResult {
  const structuredContent = { summary, ...(next && { next }), ...structured }
  const text = JSON.stringify(structuredContent)
  return { content: [{ type: 'text', text }], structuredContent, ...(isError && { isError }) }
}

interface Declaration<Input extends z.ZodObject, Output extends z.ZodObject> {
  name: string
  title: string
  /** The text from which an agent learns what the tool does and when to call it. */
  description: string
  input: Input
  /**
   * The fields of the result. Only the names of the outer ones matter, because an agent reads the schema of every tool
   * before it calls one.
   */
  output: Output
  /** The scope that a key needs, if the store has keys. */
  scope: KeyScope
  annotations: { readOnlyHint: true } | { readOnlyHint: false; destructiveHint: boolean; idempotentHint: boolean }
  /** The arguments of a valid call, shown to an agent that made an invalid one. */
  example: Readonly<Record<string, unknown>>
  /** @throws GraftError if the call is invalid or cannot be done */
  run(platform: Platform, input: z.output<Input>, context: CallContext): Promise<ToolResult<z.input<Output>>>
}

/** A tool without the types of its input and output. */
export type Tool = Omit<Declaration<z.ZodObject, z.ZodObject>, 'run'> & {
  run(platform: Platform, input: unknown, context: CallContext): Promise<ToolResult<Record<string, unknown>>>
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  declaration: Declaration<Input, Output>,
): Tool {
  const output = z.looseObject({ ...resultFields, ...declaration.output.shape })
  return { ...declaration, output } as unknown as Tool
}

/** The annotations of a tool that changes nothing. */
export const READ_ONLY = { readOnlyHint: true } as const
