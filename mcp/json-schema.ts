import { z } from 'zod'

const made = new Map<z.ZodType, { type: 'object' }>()

/** The JSON Schema of an object, made once: clients ask for the tools often, and pay for each character. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): { type: 'object' } {
  const known = made.get(schema)
  if (known) return known
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io, override: ({ jsonSchema }) => shorten(jsonSchema) })
  const named = { ...plain, type: 'object' as const }
  made.set(schema, named)
  return named
}

/** Leaves out what says nothing: the pattern of a format, the bounds of all whole numbers, that names are texts. */
function shorten(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.format !== undefined) delete schema.pattern
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  delete schema.propertyNames
}
