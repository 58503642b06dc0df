import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequests,
  MissingRequiredClientCapabilityError,
  type Result,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

// SEP-2663: a call of a tool may be answered with a task, for whose end and result the client then asks.

const EXTENSION = 'io.modelcontextprotocol/tasks'
const needed = { extensions: { [EXTENSION]: {} } }

/** All that is known of a task. */
export type Task = {
  taskId: string
  /** What it is at, in words. */
  statusMessage?: string
  /** RFC 3339 */
  createdAt: string
  /** RFC 3339 */
  lastUpdatedAt: string
  /** Milliseconds from its creation for which it is kept; null is for ever. */
  ttlMs: number | null
  /** Milliseconds between two looks at it. */
  pollIntervalMs: number
} & (
  | { status: 'working' | 'cancelled' }
  | { status: 'input_required'; inputRequests: InputRequests }
  | { status: 'completed'; result: CallToolResult }
  | { status: 'failed'; error: { code: number; message: string; data?: unknown } }
)

/** What keeps tasks. Each function throws ProtocolError where there is no such task. */
export interface Tasks {
  get(id: string): Promise<Task>
  cancel(id: string): Promise<void>
  /** Answers to what the task has asked for; those to nothing that it asks for are left aside. */
  update(id: string, responses: Readonly<Record<string, unknown>>): Promise<void>
}

/** Whether what a request says of its client holds the extension. */
export const declaresTasks = (meta: unknown): boolean =>
  (meta as Declared | undefined)?.[CLIENT_CAPABILITIES_META_KEY]?.extensions?.[EXTENSION] !== undefined
type Declared = { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities }

/** Whether the client takes a task in place of an answer. */
export const takesTasks = ({ mcpReq }: ServerContext): boolean => declaresTasks(mcpReq.envelope)

/** The error for a client that does not say that it takes tasks. */
export const tasksRequired = () => new MissingRequiredClientCapabilityError({ requiredCapabilities: needed })

const params = z.object({ taskId: z.string() })

/** Offers the extension on a server of revision 2026-07-28. */
export function serveTasks(server: Server, tasks: Tasks): void {
  server.registerCapabilities(needed)
  const serve = (method: string, work: (id: string, context: ServerContext) => Promise<Result>) =>
    server.setRequestHandler(method, { params }, async ({ taskId }, context) => {
      if (!takesTasks(context)) throw tasksRequired()
      return work(taskId, context)
    })
  serve('tasks/get', async (id) => {
    const task = await tasks.get(id)
    // What a call is answered with bears this mark in this revision.
    return task.status === 'completed' ? { ...task, result: { resultType: 'complete', ...task.result } } : task
  })
  serve('tasks/cancel', async (id) => {
    await tasks.cancel(id)
    return {}
  })
  serve('tasks/update', async (id, { mcpReq }) => {
    // The SDK takes the responses out of the parameters.
    await tasks.update(id, mcpReq.inputResponses ?? {})
    return {}
  })
}

/** The answer to a call that goes on as a task: what came of it is told by `tasks/get` alone. */
export function createdTask(task: Task): CallToolResult {
  const { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs } = task
  const seed = { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs }
  // The SDK knows results of tools as having content.
  return { resultType: 'task', content: [], ...seed }
}
