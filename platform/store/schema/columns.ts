import { type SQL, sql } from 'drizzle-orm'
import { type AnyPgColumn, bigint, check, customType, pgSchema, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { uuidv7 } from '../../../core/uuid.ts'

/** The schema of all tables. It is separate, so that Graft can share a database. */
export const graft = pgSchema('graft')

export const id = () => uuid().primaryKey().$defaultFn(uuidv7)
/**
 * A time with a precision of milliseconds. The driver returns no more digits, so a value is read exactly as it was
 * written.
 */
export const time = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })
export const createdAt = () => time().notNull().defaultNow()
/** A size or a count that may not fit in 32 bits. It is exact up to 2^53. */
export const large = () => bigint({ mode: 'number' })
/** The id of the caller's API key. Empty if the server has no keys. */
export const owner = () => text().notNull().default('')
/** A document as jsonb. U+0000 and lone surrogates, which jsonb cannot hold, become U+FFFD. */
export const json = <T>() =>
  customType<{ data: T; driverData: unknown }>({
    dataType: () => 'jsonb',
    // Matches a backslash together with the next character, so that an escaped backslash before "u0000" is kept.
    toDriver: (value) =>
      JSON.stringify(value).replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (found, { length }: string) =>
        length > 1 ? '\ufffd' : found,
      ),
    // Both drivers return parsed values.
    fromDriver: (value) => value as T,
  })()
/** A SHA-256 digest in hexadecimal digits. */
export const sha256 = () => text()

/** Checks that a name does not look like an id, because either may be used to refer to a row. */
export const nameCheck = (table: string, column: AnyPgColumn) =>
  check(
    `${table}_name`,
    sql`length(${column}) between 1 and 200 and ${column} !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`,
  )

export const sha256Check = (name: string, column: AnyPgColumn) => check(name, sql`${column} ~ '^[0-9a-f]{64}$'`)

/** @param values constants of the code: they are written into the statement without escaping */
export const oneOf = (column: AnyPgColumn, values: readonly string[]): SQL =>
  sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`
