import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallToolResult,
  type InputRequest,
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server'
import { acceptsTasks, type Task, type Tasks, tasksRequiredError, toCreatedTask } from '../../../mcp/tasks.ts'
import { askName, nameIn } from './input-tools.ts'
import { type SuiteTool, textArguments, toText } from './tool.ts'

type Ask = (requests: Readonly<Record<string, InputRequest>>) => Promise<Readonly<Record<string, unknown>>>
type Work = (signal: AbortSignal, ask: Ask) => Promise<CallToolResult>
type State = Pick<Task, 'status'> & Partial<Record<'result' | 'error' | 'inputRequests', unknown>>

interface StoredTask {
  task: Task
  stop: AbortController
  /** Passes responses to the open requests. */
  respond(responses: Readonly<Record<string, unknown>>): void
}

/** Makes tasks in memory, and the tools that create them. */
export function makeSuiteTasks(): { tasks: Tasks; tools: Readonly<Record<string, SuiteTool>> } {
  const stored = new Map<string, StoredTask>()

  function find(id: string): StoredTask {
    const found = stored.get(id)
    if (!found) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${id}.`)
    return found
  }

  function begin(work: Work): CallToolResult {
    const taskId = randomUUID()
    const createdAt = new Date().toISOString()
    const at = (state: State): Task =>
      ({
        taskId,
        createdAt,
        lastUpdatedAt: new Date().toISOString(),
        ttlMs: 60_000,
        pollIntervalMs: 50,
        ...state,
      }) as Task
    const stop = new AbortController()
    const entry: StoredTask = { task: at({ status: 'working' }), stop, respond: () => {} }
    const settle = (state: State) => {
      if (!stop.signal.aborted) entry.task = at(state)
    }
    const ask: Ask = (requests) => {
      const responses: Record<string, unknown> = {}
      const open = () => Object.entries(requests).filter(([key]) => !(key in responses))
      settle({ status: 'input_required', inputRequests: requests })
      return new Promise((resolve) => {
        entry.respond = (received) => {
          for (const key of Object.keys(requests)) if (key in received) responses[key] = received[key]
          if (open().length > 0) return settle({ status: 'input_required', inputRequests: Object.fromEntries(open()) })
          settle({ status: 'working' })
          resolve(responses)
        }
      })
    }
    stored.set(taskId, entry)
    work(stop.signal, ask).then(
      (result) => settle({ status: 'completed', result }),
      ({ message }) => settle({ status: 'failed', error: { code: ProtocolErrorCode.InternalError, message } }),
    )
    stop.signal.addEventListener('abort', () => {
      entry.task = at({ status: 'cancelled' })
    })
    return toCreatedTask(entry.task)
  }

  /** Makes a tool that only clients with tasks can call. */
  const makeTaskTool = (description: string, work: (args: Readonly<Record<string, unknown>>) => Work): SuiteTool => ({
    description,
    async call(args, context) {
      if (!acceptsTasks(context)) throw tasksRequiredError()
      return begin(work(args))
    },
  })

  const confirm = (message: string) =>
    inputRequired.elicit({
      message,
      requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' } }, required: ['confirm'] },
    })

  return {
    tasks: {
      get: async (id) => find(id).task,
      async cancel(id) {
        const { task, stop } = find(id)
        if (task.status === 'working' || task.status === 'input_required') stop.abort()
      },
      update: async (id, responses) => find(id).respond(responses),
    },
    tools: {
      slow_compute: {
        description: 'Sleeps, then answers.',
        inputSchema: { type: 'object', properties: { seconds: { type: 'number' }, label: { type: 'string' } } },
        async call({ seconds, label }, context) {
          const work: Work = async (signal) => {
            await sleep(Number(seconds) * 1000, undefined, { signal, ref: false })
            return toText(`${label} is done.`)
          }
          return acceptsTasks(context) ? begin(work) : work(context.mcpReq.signal, async () => ({}))
        },
      },
      failing_job: makeTaskTool('Ends with a tool error.', () => async () => {
        await sleep(100)
        return { ...toText('It did not work.'), isError: true }
      }),
      protocol_error_job: makeTaskTool('Ends with a protocol error.', () => async () => {
        await sleep(100)
        throw new Error('It broke.')
      }),
      confirm_delete: {
        ...makeTaskTool('Asks once while it runs.', ({ filename }) => async (_, ask) => {
          await ask({ 'confirm-1': confirm(`Delete ${filename}?`) })
          return toText(`${filename} is deleted.`)
        }),
        inputSchema: textArguments('filename'),
      },
      multi_input: makeTaskTool('Asks two questions at once while it runs.', () => async (_, ask) => {
        await ask({ 'first-1': confirm('The first?'), 'second-1': confirm('The second?') })
        return toText('Both are here.')
      }),
      test_tool_with_task: {
        description: 'Asks before it starts.',
        async call(_, context) {
          const name = nameIn(context)
          if (name === undefined) return askName()
          if (!acceptsTasks(context)) throw tasksRequiredError()
          return begin(async () => toText(`Hello, ${name}!`))
        },
      },
    },
  }
}
