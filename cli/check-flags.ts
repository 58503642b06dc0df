import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import { descriptionOf, type Fields, flagOf } from './flags.ts'

/** Parses the values of flags. @throws GraftError `usage` for the first flag that is missing or invalid */
export function checkFlags<F extends Fields>(
  fields: F,
  values: Readonly<Record<string, unknown>>,
): z.infer<z.ZodObject<{ -readonly [K in keyof F]: F[K] }>> {
  const parsed = z.object(fields as { -readonly [K in keyof F]: F[K] }).safeParse(values, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  const field = String(path[0])
  const subject = `--${flagOf(field)}`
  if (values[field] === undefined) {
    const description = descriptionOf(fields[field])
    return fail('usage', {
      subject,
      problem: 'is required',
      fix: description ? `Add ${subject}: ${description}` : `Add ${subject}.`,
    })
  }
  return fail('usage', {
    subject,
    expected: message,
    found: JSON.stringify(values[field]),
    fix: 'Add --help to see the allowed values.',
  })
}
