import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallToolResult,
  type InputRequest,
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server'
import { createdTask, type Task, type Tasks, takesTasks, tasksRequired } from '../../../mcp/tasks.ts'
import { askName, nameIn } from './input-tools.ts'
import { type SuiteTool, said, texts } from './tool.ts'

type Ask = (requests: Readonly<Record<string, InputRequest>>) => Promise<Readonly<Record<string, unknown>>>
type Work = (signal: AbortSignal, ask: Ask) => Promise<CallToolResult>
type State = Pick<Task, 'status'> & Partial<Record<'result' | 'error' | 'inputRequests', unknown>>

interface Kept {
  task: Task
  stop: AbortController
  /** Of what it has asked for. */
  answered(responses: Readonly<Record<string, unknown>>): void
}

/** Tasks in memory, and the tools that make them. */
export function suiteTasks(): { tasks: Tasks; tools: Readonly<Record<string, SuiteTool>> } {
  const kept = new Map<string, Kept>()

  function find(id: string): Kept {
    const found = kept.get(id)
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
    const one: Kept = { task: at({ status: 'working' }), stop, answered: () => {} }
    const settle = (state: State) => {
      if (!stop.signal.aborted) one.task = at(state)
    }
    const ask: Ask = (requests) => {
      const responses: Record<string, unknown> = {}
      const left = () => Object.entries(requests).filter(([key]) => !(key in responses))
      settle({ status: 'input_required', inputRequests: requests })
      return new Promise((resolve) => {
        one.answered = (given) => {
          for (const key of Object.keys(requests)) if (key in given) responses[key] = given[key]
          if (left().length > 0) return settle({ status: 'input_required', inputRequests: Object.fromEntries(left()) })
          settle({ status: 'working' })
          resolve(responses)
        }
      })
    }
    kept.set(taskId, one)
    work(stop.signal, ask).then(
      (result) => settle({ status: 'completed', result }),
      ({ message }) => settle({ status: 'failed', error: { code: ProtocolErrorCode.InternalError, message } }),
    )
    stop.signal.addEventListener('abort', () => {
      one.task = at({ status: 'cancelled' })
    })
    return createdTask(one.task)
  }

  /** A tool that clients without tasks cannot call. */
  const tasked = (description: string, work: (args: Readonly<Record<string, unknown>>) => Work): SuiteTool => ({
    description,
    async call(args, context) {
      if (!takesTasks(context)) throw tasksRequired()
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
      update: async (id, responses) => find(id).answered(responses),
    },
    tools: {
      slow_compute: {
        description: 'Sleeps, then answers.',
        inputSchema: { type: 'object', properties: { seconds: { type: 'number' }, label: { type: 'string' } } },
        async call({ seconds, label }, context) {
          const work: Work = async (signal) => {
            await sleep(Number(seconds) * 1000, undefined, { signal, ref: false })
            return said(`${label} is done.`)
          }
          return takesTasks(context) ? begin(work) : work(context.mcpReq.signal, async () => ({}))
        },
      },
      failing_job: tasked('Ends with an error of the tool.', () => async () => {
        await sleep(100)
        return { ...said('It did not work.'), isError: true }
      }),
      protocol_error_job: tasked('Ends with an error of the protocol.', () => async () => {
        await sleep(100)
        throw new Error('It broke.')
      }),
      confirm_delete: {
        ...tasked('Asks once while it works.', ({ filename }) => async (_, ask) => {
          await ask({ 'confirm-1': confirm(`Delete ${filename}?`) })
          return said(`${filename} is deleted.`)
        }),
        inputSchema: texts('filename'),
      },
      multi_input: tasked('Asks twice at once while it works.', () => async (_, ask) => {
        await ask({ 'first-1': confirm('The first?'), 'second-1': confirm('The second?') })
        return said('Both are here.')
      }),
      test_tool_with_task: {
        description: 'Asks before it begins.',
        async call(_, context) {
          const name = nameIn(context)
          if (name === undefined) return askName()
          if (!takesTasks(context)) throw tasksRequired()
          return begin(async () => said(`Hello, ${name}!`))
        },
      },
    },
  }
}
