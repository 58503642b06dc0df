import type { CallToolResult } from '@modelcontextprotocol/server'
import type { ErrorCode } from '../core/catalogue.ts'
import { fail } from '../core/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { parse } from '../platform/schemas/parse.ts'
import { problemOf } from '../platform/schemas/problem.ts'
import { requireScope } from '../platform/use-cases/access.ts'
import { createdTask } from './tasks.ts'
import { type Call, resultOf, type Tool } from './tool.ts'
import { tools } from './tools.ts'
import { taskOf } from './work-tasks.ts'

/**
 * Calls a tool by its name. What is wrong with the call is an answer, too: agents read answers, and fix their calls.
 */
export async function callTool(platform: Platform, name: string, given: unknown, call: Call): Promise<CallToolResult> {
  const tool = tools.find((one) => one.name === name)
  try {
    if (!tool) unknown(name)
    requireScope(call.caller, tool.scope)
    const input = parse(
      tool.input,
      given ?? {},
      'the arguments',
      'Fix this argument and call again; the input schema of the tool tells what each takes.',
    )
    const answer = await tool.run(platform, input, call)
    return call.takesTasks && answer.task !== undefined
      ? createdTask(await taskOf(platform, answer.task))
      : resultOf(answer)
  } catch (error) {
    return { content: [{ type: 'text', text: inWords(platform, error, call.id, tool) }], isError: true }
  }
}

/** The tool that lists what a call may name. */
const lists: Partial<Record<ErrorCode, string>> = {
  adapter_unknown: 'list_adapters',
  dataset_unknown: 'list_datasets',
  training_unknown: 'resources/list',
}

/** The code first, for programs; then what was expected, what came, how to fix it, and a right call. */
function inWords(platform: Platform, error: unknown, id: string, tool: Tool | undefined): string {
  const { code, title, detail, fix } = problemOf(platform.logger, error, id)
  const list = lists[code as ErrorCode]
  const there = list ? ` ${list} tells what there is.` : ''
  const right = tool && code !== 'internal' ? [`A right call: ${tool.name} ${JSON.stringify(tool.example)}`] : []
  return [`${code}: ${title}.`, detail, `${fix}${there}`, ...right].join('\n')
}

function unknown(name: string): never {
  fail('body_invalid', {
    subject: 'name',
    expected: `one of ${tools.map((tool) => tool.name).join(', ')}`,
    found: JSON.stringify(name.slice(0, 60)),
    fix: 'Call one of those.',
  })
}
