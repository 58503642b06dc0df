import type { z } from 'zod'
import { describe, fieldName, phraseOf } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'

/**
 * Reads a value that came from outside.
 * @param whole what to call the value itself, such as `the body`
 * @throws GraftError `body_invalid` that names the first field that is wrong
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, whole: string, fix: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message, unknown } = deepest(parsed.error.issues[0])
  fail('body_invalid', {
    subject: nameOf(path) || whole,
    expected: phraseOf(message),
    found: unknown === undefined ? describe(at(value, path)) : `the field ${describe(unknown)}`,
    fix,
  })
}

type Issue = z.core.$ZodIssue

/** Of a union's branches, the one that fits the value best tells what is wrong: that whose fault lies inside the value. */
function deepest(issue: Issue): { path: PropertyKey[]; message: string; unknown?: string } {
  if (issue.code === 'invalid_union') {
    const inside = issue.errors
      .map(([first]) => first)
      .find((first) => first && (first.path.length > 0 || first.code === 'unrecognized_keys'))
    if (inside) {
      const inner = deepest(inside)
      return { ...inner, path: [...issue.path, ...inner.path] }
    }
  }
  return {
    path: issue.path,
    message: issue.message,
    unknown: issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined,
  }
}

/** `['inputs', 3, 'text']` as `inputs[3].text`. */
const nameOf = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${fieldName(String(key))}`)).join('')

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
