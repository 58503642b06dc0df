import type { z } from 'zod'
import { describeValue, formatFieldName } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { IN_OUR_WORDS } from '../../core/expectation.ts'
import { repair } from './repair.ts'

/**
 * Parses a value from outside, such as the body of a request. Null for an optional field means that it is not set, and
 * a number as text is a number where no text is expected.
 * @param whole the name of the whole value in errors, such as `the body`
 * @throws GraftError `body_invalid`, which names the first field that is wrong
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, whole: string, fix: string): T {
  const direct = schema.safeParse(value, IN_OUR_WORDS)
  if (direct.success) return direct.data
  const repaired = repair(schema, value)
  const parsed = repaired === value ? direct : schema.safeParse(repaired, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const { path, message, unknownField } = deepestFault(parsed.error.issues[0])
  fail('body_invalid', {
    subject: formatPath(path) || whole,
    expected: message,
    found:
      unknownField === undefined ? describeValue(valueAt(repaired, path)) : `the field ${describeValue(unknownField)}`,
    fix,
  })
}

type Issue = z.core.$ZodIssue

interface Fault {
  path: PropertyKey[]
  message: string
  unknownField?: string
}

/**
 * Returns the fault of an issue. For a union, returns the fault of the branch that fits best: the one whose fault is
 * inside the value.
 */
function deepestFault(issue: Issue): Fault {
  if (issue.code === 'invalid_union') {
    const inside = issue.errors
      .map(([first]) => first)
      .find((first) => first && (first.path.length > 0 || first.code === 'unrecognized_keys'))
    if (inside) {
      const inner = deepestFault(inside)
      return { ...inner, path: [...issue.path, ...inner.path] }
    }
  }
  return {
    path: issue.path,
    message: issue.message,
    unknownField: issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined,
  }
}

/** Formats a path, such as `['inputs', 3, 'text']` as `inputs[3].text`. */
const formatPath = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${formatFieldName(String(key))}`))
    .join('')

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
