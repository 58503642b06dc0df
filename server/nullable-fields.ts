/** The subset of JSON Schema that {@link allowNull} reads. */
interface Schema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  description?: string
  default?: unknown
}

/**
 * Documents that null for an optional field of a body means that the field is not set. Generated clients often send
 * null for all fields that their caller does not set.
 */
export function allowNull(schema: Schema): Schema {
  const { properties, required = [], items, anyOf } = schema
  return {
    ...schema,
    ...(items && { items: allowNull(items) }),
    ...(anyOf && { anyOf: anyOf.map(allowNull) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => {
          const inner = allowNull(field)
          return [name, required.includes(name) ? inner : orNull(inner)]
        }),
      ),
    }),
  }
}

function orNull(schema: Schema): Schema {
  const { type, anyOf, const: constant, ...rest } = schema
  if (constant !== undefined) return { ...rest, enum: [constant, null] }
  if (anyOf) return anyOf.some(isNull) ? schema : { ...schema, anyOf: [...anyOf, { type: 'null' }] }
  if (type === undefined || [type].flat().includes('null')) return schema
  return { ...schema, type: [type, 'null'].flat(), ...(schema.enum && { enum: [...schema.enum, null] }) }
}

const isNull = ({ type }: Schema): boolean => type === 'null'
