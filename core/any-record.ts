import { z } from 'zod'

/** The key that stands for `__proto__` while zod parses a record, because zod leaves that key out. */
const PROTO_KEY = '\0__proto__'

/**
 * Returns the schema of an object that is keyed by data. Unlike a record of zod, it keeps the key `__proto__`.
 * @param value the schema of the values
 */
export const anyRecord = <Value extends z.ZodType>(value: Value) =>
  z.preprocess(
    (input) => (typeof input === 'object' && input !== null ? renameKey(input, '__proto__', PROTO_KEY) : input),
    z.record(z.string(), value).overwrite((record) => renameKey(record, PROTO_KEY, '__proto__')),
  )

function renameKey<T extends object>(record: T, from: string, to: string): T {
  if (!Object.hasOwn(record, from)) return record
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key === from ? to : key, value])) as T
}
