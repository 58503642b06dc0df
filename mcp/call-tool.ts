import type { CallToolResult } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { ErrorCode } from '../core/catalogue.ts'
import { fail } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
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
    const input = parseArguments(tool.input, args)
    const result = await tool.run(platform, input, context)
    return context.acceptsTasks && result.taskId !== undefined
      ? toCreatedTask(await getTask(platform, result.taskId))
      : toCallToolResult(result)
  } catch (error) {
    return toErrorResult(platform.logger, error, context.requestId, tool)
  }
}

export const parseArguments = <T>(schema: z.ZodType<T>, args: unknown): T =>
  parse(
    schema,
    args ?? {},
    'the arguments',
    'Fix this argument and call again. The input schema of the tool describes each argument.',
  )

/** The tool that lists the valid names, by the code of the error about an unknown name. */
const LISTING_TOOLS: Partial<Record<ErrorCode, string>> = {
  adapter_unknown: 'list_adapters',
  dataset_unknown: 'list_datasets',
  training_unknown: 'list_trainings',
  base_unknown: 'list_bases',
}

/**
 * Returns an error as a result. Its text has the code first, for programs, then what is wrong, how to fix it, and an
 * example call.
 */
export function toErrorResult(
  logger: Logger,
  error: unknown,
  requestId: string,
  tool?: Pick<Tool, 'name' | 'example'>,
): CallToolResult {
  const { code, title, detail, fix } = toPublicProblem(logger, error, requestId)
  const listing = LISTING_TOOLS[code as ErrorCode]
  const hint = listing ? ` To see what exists, call ${listing}.` : ''
  const example = tool && code !== 'internal' ? [`Example call: ${tool.name} ${JSON.stringify(tool.example)}`] : []
  const text = [`${code}: ${title}.`, detail, `${fix}${hint}`, ...example].join('\n')
  return { content: [{ type: 'text', text }], isError: true }
}

function throwUnknownTool(name: string): never {
  fail('body_invalid', {
    subject: 'name',
    expected: `one of ${tools.map((tool) => tool.name).join(', ')}`,
    found: JSON.stringify(name.slice(0, 60)),
    fix: 'Call one of these tools.',
  })
}
