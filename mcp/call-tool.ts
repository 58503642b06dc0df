import type { CallToolResult } from '@modelcontextprotocol/server'
import { fail } from '../core/errors.ts'
import { requireScope } from '../platform/access.ts'
import { parse } from '../platform/parse.ts'
import type { Platform } from '../platform/platform.ts'
import { problemOf } from '../platform/problem.ts'
import type { Call, Tool } from './tool.ts'
import { tools } from './tools.ts'

/**
 * Calls a tool by its name. What is wrong with the call is an answer, too: agents read answers, and mend their calls.
 */
export async function callTool(
  platform: Platform,
  name: string,
  given: unknown,
  call: Call,
): Promise<CallToolResult & { structuredContent?: Record<string, unknown> }> {
  const tool = tools.find((one) => one.name === name)
  try {
    if (!tool) unknown(name)
    requireScope(call.caller, tool.scope)
    const input = parse(tool.input, given ?? {}, 'the arguments', 'Mend this argument and call again.')
    const { structured, text } = await tool.run(platform, input, call)
    return { content: [{ type: 'text', text }], structuredContent: structured }
  } catch (error) {
    return { content: [{ type: 'text', text: inWords(platform, error, call.id, tool) }], isError: true }
  }
}

/** The code first, for programs; then what was expected, what came, how to mend it, and a right call. */
function inWords(platform: Platform, error: unknown, id: string, tool: Tool | undefined): string {
  const { code, title, detail, mend } = problemOf(platform, error, id)
  const right = tool && code !== 'internal' ? [`A right call: ${tool.name} ${JSON.stringify(tool.example)}`] : []
  return [`${code}: ${title}.`, detail, mend, ...right].join('\n')
}

function unknown(name: string): never {
  fail('body_invalid', {
    subject: 'name',
    expected: `one of ${tools.map((tool) => tool.name).join(', ')}`,
    found: JSON.stringify(name.slice(0, 60)),
    mend: 'Call one of those.',
  })
}
