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

// SEP-2663: a server may respond to a tool call with a task. The client then polls the task for its result.

const EXTENSION = 'io.modelcontextprotocol/tasks'
const REQUIRED_CAPABILITIES = { extensions: { [EXTENSION]: {} } }

/** A task as clients see it. */
export type Task = {
  taskId: string
  /** The current progress in words. */
  statusMessage?: string
  /** RFC 3339 */
  createdAt: string
  /** RFC 3339 */
  lastUpdatedAt: string
  /** How long the task is kept after its creation, in milliseconds. `null` means forever. */
  ttlMs: number | null
  /** How often to poll, in milliseconds. */
  pollIntervalMs: number
} & (
  | { status: 'working' | 'cancelled' }
  | { status: 'input_required'; inputRequests: InputRequests }
  | { status: 'completed'; result: CallToolResult }
  | { status: 'failed'; error: { code: number; message: string; data?: unknown } }
)

/** The tasks of a server. Each function throws a ProtocolError if the task does not exist. */
export interface Tasks {
  get(id: string): Promise<Task>
  cancel(id: string): Promise<void>
  /** Passes responses to the task's open input requests. Other responses are ignored. */
  update(id: string, responses: Readonly<Record<string, unknown>>): Promise<void>
}

/** Returns true if the metadata of a request declares the extension. */
export const declaresTasks = (meta: unknown): boolean =>
  (meta as Declared | undefined)?.[CLIENT_CAPABILITIES_META_KEY]?.extensions?.[EXTENSION] !== undefined
type Declared = { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities }

/** Returns true if the client accepts a task instead of a result. */
export const acceptsTasks = ({ mcpReq }: ServerContext): boolean => declaresTasks(mcpReq.envelope)

/** Returns the error for a client that does not declare the extension. */
export const tasksRequiredError = () =>
  new MissingRequiredClientCapabilityError({ requiredCapabilities: REQUIRED_CAPABILITIES })

const params = z.object({ taskId: z.string() })

/** Declares the extension on a server of revision 2026-07-28. */
export const declareTasks = (server: Server): void => server.registerCapabilities(REQUIRED_CAPABILITIES)

/** Registers the extension on a server of revision 2026-07-28. */
export function serveTasks(server: Server, tasks: Tasks): void {
  declareTasks(server)
  const handle = (method: string, work: (id: string, context: ServerContext) => Promise<Result>) =>
    server.setRequestHandler(method, { params }, async ({ taskId }, context) => {
      if (!acceptsTasks(context)) throw tasksRequiredError()
      return work(taskId, context)
    })
  handle('tasks/get', async (id) => {
    const task = await tasks.get(id)
    // This revision requires the marker on the result of a call.
    return task.status === 'completed' ? { ...task, result: { resultType: 'complete', ...task.result } } : task
  })
  handle('tasks/cancel', async (id) => {
    await tasks.cancel(id)
    return {}
  })
  handle('tasks/update', async (id, { mcpReq }) => {
    // The SDK removes the responses from the parameters.
    await tasks.update(id, mcpReq.inputResponses ?? {})
    return {}
  })
}

/** Returns the result of a call that continues as a task. Its outcome comes only from `tasks/get`. */
export function toCreatedTask(task: Task): CallToolResult {
  const { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs } = task
  const created = { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs }
  // The SDK requires content in the result of a tool.
  return { resultType: 'task', content: [], ...created }
}
