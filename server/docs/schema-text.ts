/** The parts of a JSON Schema that the reference shows. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: readonly unknown[]
  const?: unknown
  anyOf?: readonly Schema[]
  oneOf?: readonly Schema[]
  items?: Schema
  prefixItems?: readonly Schema[]
  properties?: Readonly<Record<string, Schema>>
  additionalProperties?: boolean | Schema
  required?: readonly string[]
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  maxLength?: number
  format?: string
}

export interface Field {
  name: string
  type: string
  isRequired: boolean
  description: string
}

/** Returns the type in a few words, such as `array of string`. */
export function describeType(schema: Schema): string {
  const { $ref, type, items, prefixItems, additionalProperties, properties } = schema
  const options = schema.anyOf ?? schema.oneOf
  if ($ref && (properties || options)) return $ref.split('/').at(-1) ?? ''
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (options) return [...new Set(options.map(describeType))].join(' or ')
  if (prefixItems) return `[${prefixItems.map(describeType).join(', ')}]`
  if (type === 'array') return `array of ${items ? describeType(items) : 'any'}`
  if (type === 'object' && !properties && typeof additionalProperties === 'object')
    return `object of ${describeType(additionalProperties)}`
  if (type === 'string') return schema.format === 'binary' ? 'bytes' : (schema.format ?? 'string')
  return [type ?? 'any'].flat().join(' or ')
}

/** The levels of nested fields that are shown. */
const MAX_DEPTH = 3

/** Returns the fields of objects. Nested fields are named `outer.inner`, and fields of array items `outer[].inner`. */
export function fieldsOf(schema: Schema, prefix = '', depth = MAX_DEPTH): Field[] {
  const { properties = {}, required = [] } = schema
  const ownFields = Object.entries(properties).flatMap(([key, property]) => {
    const name = prefix + key
    const bounds = describeBounds(property)
    const field = {
      name,
      type: describeType(property),
      isRequired: required.includes(key),
      description: [property.description, bounds && `(${bounds})`].filter(Boolean).join(' '),
    }
    return [field, ...(depth > 1 ? fieldsOf(property, `${name}.`, depth - 1) : [])]
  })
  const itemFields = schema.items ? fieldsOf(schema.items, `${prefix.replace(/\.$/, '')}[].`, depth) : []
  const optionFields = (schema.anyOf ?? schema.oneOf ?? []).flatMap((option) => fieldsOf(option, prefix, depth))
  const all = [...ownFields, ...itemFields, ...optionFields]
  return all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)
}

function describeBounds({ minimum, maximum, minItems, maxItems, maxLength, default: defaultValue }: Schema): string {
  const isBound = (value: number | undefined): value is number =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  const bounds = [
    isBound(minimum) && `minimum ${minimum}`,
    isBound(maximum) && `maximum ${maximum}`,
    isBound(minItems) && `at least ${minItems} items`,
    isBound(maxItems) && `at most ${maxItems} items`,
    isBound(maxLength) && `at most ${maxLength} characters`,
    defaultValue !== undefined && `default ${JSON.stringify(defaultValue)}`,
  ]
  return bounds.filter(Boolean).join(', ')
}
