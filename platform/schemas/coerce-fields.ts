import type { z } from 'zod'
import { methods, shapeOf } from '../../model/methods/registry.ts'

/** Fields as a query or a command line has them: each a list of texts, one for each time it was given. */
export type Texts = Readonly<Record<string, readonly string[]>>

/** The fields of a method from texts; the method refuses by name what it does not take. */
export function readMethodTexts(method: string | undefined, texts: Texts): Record<string, unknown> {
  return readTexts(method !== undefined && Object.hasOwn(methods, method) ? shapeOf(method) : {}, texts)
}

/**
 * Fields from texts, each in the first reading that its schema takes: text, number, boolean, list. What no reading fits is left as it
 * looks, for the schema to refuse by name.
 */
export function readTexts(schemas: Readonly<Record<string, z.core.$ZodType>>, texts: Texts): Record<string, unknown> {
  const fields = Object.entries(texts).map(([field, given]) => {
    const readings = readingsOf(given)
    const schema = Object.hasOwn(schemas, field) ? (schemas[field] as z.ZodType) : undefined
    return [field, readings.find((reading) => schema?.safeParse(reading).success) ?? readings[0]]
  })
  return Object.fromEntries(fields)
}

/** The plainest reading comes first. */
function readingsOf(given: readonly string[]): unknown[] {
  if (given.length !== 1) return [given]
  const [text] = given
  const list = text.split(',')
  if (text === 'true' || text === 'false') return [text === 'true', text, list]
  if (/^-?\d+(\.\d+)?$/.test(text)) return [Number(text), text, list]
  return [text, list]
}
