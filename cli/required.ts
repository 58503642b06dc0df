import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { type Fields, flagOf } from './flags.ts'

/** The values as the schema's types, checked. @throws GraftError `usage` for the first flag that is missing or wrong */
export function required<F extends Fields>(
  fields: F,
  values: Readonly<Record<string, unknown>>,
): z.infer<z.ZodObject<{ -readonly [K in keyof F]: F[K] }>> {
  const parsed = z.object(fields as { -readonly [K in keyof F]: F[K] }).safeParse(values)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  const field = String(path[0])
  const missing = values[field] === undefined
  return fail('usage', {
    subject: `--${flagOf(field)}`,
    expected: fields[field].description ?? message,
    found: missing ? 'nothing' : String(values[field]),
    mend: missing ? `Add --${flagOf(field)}.` : `${message}.`,
  })
}
