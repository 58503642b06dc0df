import { type SQL, sql } from 'drizzle-orm'
import { type AnyPgColumn, bigint, check, customType, pgSchema, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { uuidv7 } from '../../../core/uuid.ts'

/** All tables stand in a schema of their own, so that Graft may share a database. */
export const graft = pgSchema('graft')

export const id = () => uuid().primaryKey().$defaultFn(uuidv7)
/** The driver gives milliseconds, so no more are stored: what is read back equals what was written. */
export const time = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })
export const createdAt = () => time().notNull().defaultNow()
/** Sizes and counts that outgrow 32 bits; exact to 2^53. */
export const large = () => bigint({ mode: 'number' })
/** A document as jsonb. What PostgreSQL's jsonb cannot hold, U+0000 and halves of surrogate pairs, becomes U+FFFD. */
export const json = <T>() =>
  customType<{ data: T; driverData: unknown }>({
    dataType: () => 'jsonb',
    // Of a backslash and what follows it, so that an escaped backslash before "u0000" stays what it is.
    toDriver: (value) =>
      JSON.stringify(value).replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (found, { length }: string) =>
        length > 1 ? '\ufffd' : found,
      ),
    // Both drivers have parsed it.
    fromDriver: (value) => value as T,
  })()
/** SHA-256 in hexadecimal digits. */
export const sha256 = () => text()

/** A name may not look like an id, since both name a thing. */
export const nameCheck = (table: string, column: AnyPgColumn) =>
  check(
    `${table}_name`,
    sql`length(${column}) between 1 and 200 and ${column} !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`,
  )

export const sha256Check = (name: string, column: AnyPgColumn) => check(name, sql`${column} ~ '^[0-9a-f]{64}$'`)

/** @param values constants of ours: they are written into the statement as they are */
export const oneOf = (column: AnyPgColumn, values: readonly string[]): SQL =>
  sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`
