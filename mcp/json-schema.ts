import { z } from 'zod'

const cache = new Map<z.ZodType, { type: 'object' }>()

/** Returns the JSON Schema of an object, cached and short: clients list the tools often and pay for each character. */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): { type: 'object' } {
  const cached = cache.get(schema)
  if (cached) return cached
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, override: ({ jsonSchema }) => shorten(jsonSchema) })
  const jsonSchema = { ...rest, type: 'object' as const }
  cache.set(schema, jsonSchema)
  return jsonSchema
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0

/**
 * Removes parts that add no information: the pattern of a format, the bounds of safe integers, the type of keys,
 * that an object may have any fields, and bounds of texts that no sensible text reaches.
 */
function shorten(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.format !== undefined) delete schema.pattern
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  delete schema.propertyNames
  if (schema.description === '') delete schema.description
  if (schema.type === 'string' && schema.pattern === undefined) {
    delete schema.minLength
    delete schema.maxLength
  }
  // An object of any fields.
  if (schema.properties && Object.keys(schema.properties).length === 0) delete schema.properties
  if (isEmpty(schema.additionalProperties)) delete schema.additionalProperties
}
