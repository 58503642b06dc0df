/** What of a JSON schema readers are shown. */
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

/** The type in a few words: `list of text`. */
export function typeText(schema: Schema): string {
  const { $ref, type, items, prefixItems, additionalProperties, properties } = schema
  const options = schema.anyOf ?? schema.oneOf
  if ($ref) return $ref.split('/').at(-1) ?? ''
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (options) return [...new Set(options.map(typeText))].join(' or ')
  if (prefixItems) return `[${prefixItems.map(typeText).join(', ')}]`
  if (type === 'array') return `list of ${items ? typeText(items) : 'anything'}`
  if (type === 'object' && !properties && typeof additionalProperties === 'object')
    return `object of ${typeText(additionalProperties)}`
  if (type === 'string') return schema.format === 'binary' ? 'bytes' : (schema.format ?? 'text')
  return [type ?? 'anything'].flat().join(' or ')
}

/** Deeper fields say little in a table. */
const DEPTH = 3

/** The fields of objects, those within them as `outer.inner`, of lists as `outer[].inner`. */
export function fieldsOf(schema: Schema, prefix = '', depth = DEPTH): Field[] {
  const { properties = {}, required = [] } = schema
  const own = Object.entries(properties).flatMap(([key, field]) => {
    const name = prefix + key
    const shown = {
      name,
      type: typeText(field),
      isRequired: required.includes(key),
      description: [field.description, boundsText(field)].filter(Boolean).join('; '),
    }
    return [shown, ...(depth > 1 ? fieldsOf(field, `${name}.`, depth - 1) : [])]
  })
  const inside = schema.items ? fieldsOf(schema.items, `${prefix.replace(/\.$/, '')}[].`, depth) : []
  const options = (schema.anyOf ?? schema.oneOf ?? []).flatMap((option) => fieldsOf(option, prefix, depth))
  const all = [...own, ...inside, ...options]
  return all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)
}

function boundsText({ minimum, maximum, minItems, maxItems, maxLength, default: usual }: Schema): string {
  const isBound = (value: number | undefined): value is number =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  const bounds = [
    isBound(minimum) && `from ${minimum}`,
    isBound(maximum) && `to ${maximum}`,
    isBound(minItems) && `${minItems} at least`,
    isBound(maxItems) && `${maxItems} at most`,
    isBound(maxLength) && `${maxLength} characters at most`,
    usual !== undefined && `${JSON.stringify(usual)} where absent`,
  ]
  return bounds.filter(Boolean).join(', ')
}
