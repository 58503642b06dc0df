import type { OpenApiDocument } from '../client/client.ts'

/** A field of a request, as the form of a training shows it. */
export interface RequestField {
  name: string
  description: string
  kind: 'number' | 'choice' | 'flag' | 'list' | 'pairs' | 'text'
  /** The values of a choice. */
  choices?: readonly string[]
  isInteger?: boolean
  /** Bounds of a number. */
  min?: number
  max?: number
  /** Shown where nothing is entered. */
  defaultText?: string
}

interface Schema {
  type?: string | readonly string[]
  enum?: readonly unknown[]
  anyOf?: readonly Schema[]
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  items?: Schema
  additionalProperties?: Schema
  properties?: Readonly<Record<string, Schema>>
}

/** The fields of a request for a training, from the OpenAPI document of the server. */
export interface TrainingFields {
  methods: readonly string[]
  all: ReadonlyMap<string, RequestField>
  /** The names of the fields of each method. */
  ofMethod: ReadonlyMap<string, readonly string[]>
}

/** The fields that the form has in a form of its own. */
const PLACED = new Set(['name', 'base', 'dataset', 'test_dataset', 'from_adapter', 'method', 'metadata'])

export function readTrainingFields(document: OpenApiDocument): TrainingFields {
  const properties = (document.components.schemas.TrainingRequest as Schema).properties ?? {}
  const methods = (properties.method?.enum ?? []).filter((value): value is string => typeof value === 'string')
  const all = new Map<string, RequestField>()
  const ofMethod = new Map<string, string[]>(methods.map((method) => [method, []]))
  for (const [name, schema] of Object.entries(properties)) {
    if (PLACED.has(name)) continue
    all.set(name, toField(name, schema))
    // The description of a field of methods says of each what it is there: "lora: rank of the update; …".
    for (const method of methods)
      if (partOf(schema.description ?? '', method) !== undefined) ofMethod.get(method)?.push(name)
  }
  return { methods, all, ofMethod }
}

/** Returns the names of the fields that all methods have. */
export function sharedFieldsOf({ all, ofMethod }: TrainingFields): string[] {
  const own = new Set([...ofMethod.values()].flat())
  return [...all.keys()].filter((name) => !own.has(name))
}

/** Returns a field as it is for one method, with what the description says of it there. */
export function fieldFor(field: RequestField, method: string): RequestField {
  const part = partOf(field.description, method)
  if (part === undefined) return field
  const [, description, defaultText] = /^(.*?)(?: \(default: (.*)\))?$/.exec(part) as RegExpExecArray
  return { ...field, description, defaultText }
}

/** Returns what a description says of one method. */
function partOf(description: string, method: string): string | undefined {
  const part = new RegExp(`(?:^|; )${method}: (.*?)(?=; (?:lora|bottleneck|soft-prompt|ia3|prefix|full): |$)`)
  return part.exec(description)?.[1]
}

function toField(name: string, schema: Schema): RequestField {
  const options = (schema.anyOf ?? [schema]).filter(({ type }) => type !== 'null')
  const { description = '', default: byDefault } = schema
  const stated = /(?:Defaults to that of from_adapter, or to|Defaults to) ([^.;]+(?:\.\d+)?)/.exec(description)?.[1]
  const shared = {
    name,
    description,
    ...(byDefault !== undefined ? { defaultText: String(byDefault) } : stated && { defaultText: stated }),
  }
  const choices = options.flatMap((option) => option.enum ?? []).filter((value) => value !== null)
  const [first] = options
  const types = options.flatMap(({ type }) => type ?? []).filter((type) => type !== 'null')
  if (choices.length > 0 && options.every((option) => option.enum))
    return { ...shared, kind: 'choice', choices: choices.map(String) }
  if (types.includes('boolean')) return { ...shared, kind: 'flag' }
  if (types.includes('array')) return { ...shared, kind: 'list' }
  if (types.includes('object')) return { ...shared, kind: 'pairs' }
  if (types.every((type) => type === 'integer' || type === 'number'))
    return {
      ...shared,
      kind: 'number',
      isInteger: types.includes('integer'),
      min: first.minimum ?? (first.exclusiveMinimum !== undefined && types.includes('integer') ? 1 : undefined),
      max: first.maximum,
    }
  return { ...shared, kind: 'text' }
}

/** Returns the value of a field as the API reads it; undefined if nothing was entered. */
export function toValue({ kind }: RequestField, entered: string): unknown {
  const text = entered.trim()
  if (text === '') return undefined
  if (kind === 'list') return text.split(',').map((item) => item.trim())
  if (kind === 'flag') return text === 'true'
  if (kind === 'number') return Number(text)
  if (kind === 'pairs')
    return Object.fromEntries(
      text.split(',').map((pair) => {
        const [name, ...value] = pair.split('=')
        return [name.trim(), value.join('=').trim()]
      }),
    )
  return text
}
