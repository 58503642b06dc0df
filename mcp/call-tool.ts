import type { CallToolResult } from '@modelcontextprotocol/server'
import type { ErrorCode } from '../core/catalogue.ts'
import { fail } from '../core/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { parse } from '../platform/schemas/parse.ts'
import { toPublicProblem } from '../platform/schemas/problem.ts'
import { requireScope } from '../platform/use-cases/access.ts'
import { toCreatedTask } from './tasks.ts'
import { type CallContext, type Tool, toCallToolResult } from './tool.ts'
import { tools } from './tools.ts'
import { getTask } from './work-tasks.ts'

/** Calls a tool by its name. An error is returned as a result, because agents read results and fix their calls. */
export async function callTool(
  platform: Platform,
  name: string,
  args: unknown,
  context: CallContext,
): Promise<CallToolResult> {
  const tool = tools.find((candidate) => candidate.name === name)
  try {
    if (!tool) throwUnknownTool(name)
    requireScope(context.caller, tool.scope)
    const input = parse(
      tool.input,
      args ?? {},
      'the arguments',
      'Fix this argument and call again. The input schema of the tool describes each argument.',
    )
    const result = await tool.run(platform, input, context)
    return context.acceptsTasks && result.taskId !== undefined
      ? toCreatedTask(await getTask(platform, result.taskId))
      : toCallToolResult(result)
  } catch (error) {
    const text = describeError(platform, error, context.requestId, tool)
    return { content: [{ type: 'text', text }], isError: true }
  }
}

/** The method that lists the valid names, by the code of the error about an unknown name. */
const LISTING_METHODS: Partial<Record<ErrorCode, string>> = {
  adapter_unknown: 'list_adapters',
  dataset_unknown: 'list_datasets',
  training_unknown: 'resources/list',
}

/** Describes an error as text: first its code, for programs, then what is wrong, how to fix it, and an example call. */
function describeError(platform: Platform, error: unknown, requestId: string, tool: Tool | undefined): string {
  const { code, title, detail, fix } = toPublicProblem(platform.logger, error, requestId)
  const method = LISTING_METHODS[code as ErrorCode]
  const hint = method ? ` To see what exists, call ${method}.` : ''
  const example = tool && code !== 'internal' ? [`Example call: ${tool.name} ${JSON.stringify(tool.example)}`] : []
  return [`${code}: ${title}.`, detail, `${fix}${hint}`, ...example].join('\n')
}

function throwUnknownTool(name: string): never {
  fail('body_invalid', {
    subject: 'name',
    expected: `one of ${tools.map((tool) => tool.name).join(', ')}`,
    found: JSON.stringify(name.slice(0, 60)),
    fix: 'Call one of these tools.',
  })
}
