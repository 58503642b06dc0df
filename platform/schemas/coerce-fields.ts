import type { z } from 'zod'
import { fieldsOf, methods } from '../../model/methods/registry.ts'

/** The fields of a query or a command line. Each has a list of texts, one for each occurrence. */
export type RawFields = Readonly<Record<string, readonly string[]>>

/** Coerces the fields of a method. Unknown fields are kept, so that the method can name them in its error. */
export function coerceMethodFields(method: string | undefined, fields: RawFields): Record<string, unknown> {
  return coerceFields(method !== undefined && Object.hasOwn(methods, method) ? fieldsOf(method) : {}, fields)
}

/**
 * Coerces each field to the first type that its schema accepts: text, number, boolean or list. If the schema accepts
 * none, the field gets its most likely type, and the schema reports it.
 */
export function coerceFields(
  schemas: Readonly<Record<string, z.core.$ZodType>>,
  fields: RawFields,
): Record<string, unknown> {
  const entries = Object.entries(fields).map(([field, texts]) => {
    const candidates = candidatesOf(texts)
    const schema = Object.hasOwn(schemas, field) ? (schemas[field] as z.ZodType) : undefined
    return [field, candidates.find((candidate) => schema?.safeParse(candidate).success) ?? candidates[0]]
  })
  return Object.fromEntries(entries)
}

/** Returns the values that the texts may stand for, the most likely first. */
function candidatesOf(texts: readonly string[]): unknown[] {
  if (texts.length !== 1) return [texts]
  const [text] = texts
  const list = text.split(',')
  if (text === 'true' || text === 'false') return [text === 'true', text, list]
  if (/^-?\d+(\.\d+)?$/.test(text)) return [Number(text), text, list]
  return [text, list]
}
