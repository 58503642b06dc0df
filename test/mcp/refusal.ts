import { expect } from 'vitest'
import type { Answer } from './agents.ts'

/** What a wrong call is answered with: which argument is wrong, what was expected and came, how to fix it, and a right call. */
export function expectRefusal(
  { isError, structuredContent, text }: Answer,
  tool: string,
  args: object,
  argument: string,
) {
  const what = `${tool} ${JSON.stringify(args).slice(0, 200)}\n${text}`
  expect({ isError, structuredContent }, what).toEqual({ isError: true, structuredContent: undefined })
  const [code, fault, fix, right] = text.split('\n')
  expect(code, what).toMatch(/^[a-z_]+: \S.*\.$/)
  expect(code, what).not.toMatch(/^internal/)
  expect(` ${fault} `, what).toMatch(new RegExp(`\\W${argument.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\W`))
  expect(fault, what).toMatch(/: expected .*, but found /)
  expect(fix, what).toMatch(/^[A-Z].*[.…}]$/)
  expect(right, what).toMatch(new RegExp(`^A right call: ${tool} \\{`))
  expect(text.length, what).toBeLessThan(1500)
}
