import { expect } from 'vitest'
import type { Answer } from './agents.ts'

/**
 * Expects the error of an invalid call, which names the argument, what is wrong with it, the fix and an example call.
 */
export function expectRefusal(
  { isError, structuredContent, text }: Answer,
  tool: string,
  args: object,
  argument: string,
) {
  const call = `${tool} ${JSON.stringify(args).slice(0, 200)}\n${text}`
  expect({ isError, structuredContent }, call).toEqual({ isError: true, structuredContent: undefined })
  const [code, problem, fix, example] = text.split('\n')
  expect(code, call).toMatch(/^[a-z_]+: \S.*\.$/)
  expect(code, call).not.toMatch(/^internal/)
  expect(` ${problem} `, call).toMatch(new RegExp(`\\W${argument.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\W`))
  expect(problem, call).toMatch(code.startsWith('body_invalid') ? /: expected .*, but found / : /^\S+ \S.*\.$/)
  expect(fix, call).toMatch(/^[A-Z].*[.…}]$/)
  expect(example, call).toMatch(new RegExp(`^Example call: ${tool} \\{`))
  expect(text.length, call).toBeLessThan(1500)
}
