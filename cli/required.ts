import { z } from 'zod'
import { phraseOf } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { descriptionOf, type Fields, flagOf } from './flags.ts'

/** The values as the schema's types, checked. @throws GraftError `usage` for the first flag that is missing or wrong */
export function required<F extends Fields>(
  fields: F,
  values: Readonly<Record<string, unknown>>,
): z.infer<z.ZodObject<{ -readonly [K in keyof F]: F[K] }>> {
  const parsed = z.object(fields as { -readonly [K in keyof F]: F[K] }).safeParse(values)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  const field = String(path[0])
  const subject = `--${flagOf(field)}`
  if (values[field] === undefined) {
    const expected = descriptionOf(fields[field]) ?? message
    return fail('usage', { subject, expected, found: 'nothing', fix: `Add ${subject}.` })
  }
  return fail('usage', {
    subject,
    expected: phraseOf(message),
    found: JSON.stringify(values[field]),
    fix: 'Add --help to see what it takes.',
  })
}
