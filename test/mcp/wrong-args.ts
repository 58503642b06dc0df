import fc from 'fast-check'

/** The subset of JSON Schema that the tools use. */
export interface Schema {
  type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object'
  enum?: readonly string[]
  const?: unknown
  anyOf?: readonly Schema[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  items?: Schema
  minItems?: number
  maxItems?: number
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  additionalProperties?: boolean | Schema
}

export type Args = Readonly<Record<string, unknown>>

/** Arguments that the schema of a tool does not allow, and the name of the invalid one. */
export interface WrongArgs {
  args: Args
  argument: string
}

/** Generates arguments of which one is invalid. */
export function generateWrongArgs(schema: Schema, valid: Args): fc.Arbitrary<WrongArgs> {
  const { properties = {}, required = [] } = schema
  const missing = required.map((argument) => {
    const { [argument]: _, ...args } = valid
    return fc.constant({ args, argument })
  })
  const unknown = fc
    .tuple(
      oddName.filter((name) => !Object.hasOwn(properties, name)),
      fc.jsonValue(),
    )
    .map(([argument, value]) => ({ args: { ...valid, [argument]: value }, argument }))
  const changed = fc.constantFrom(...Object.keys(properties)).chain((argument) =>
    generateWrongValue(properties[argument])
      // Null for an optional argument means that it is not set.
      .filter((value) => value !== null || required.includes(argument))
      .map((value) => ({ args: { ...valid, [argument]: value }, argument })),
  )
  return fc.oneof({ weight: 1, arbitrary: fc.oneof(unknown, ...missing) }, { weight: 8, arbitrary: changed })
}

const oddName = fc.oneof(
  fc.constantFrom('', ' ', 'constructor', 'toString', 'hasOwnProperty', 'lr', 'é', 'reviews[0]', 'a.b', '"', '\n'),
  fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((name) => name !== '__proto__'),
)

/** Values by type. No value belongs to two types, except that an integer is also a number. */
const ofType: Readonly<Record<NonNullable<Schema['type']> | 'null', fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  string: fc.oneof(fc.constantFrom('', '8', 'true', 'null', '[]', '\0', '\ud83d\ude00'), fc.string({ maxLength: 50 })),
  integer: fc.constantFrom(0, 1, -1, 2 ** 53, 1e300),
  number: fc.constantFrom(0.5, -0.5, 1e-300),
  array: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 }),
  object: fc.oneof(
    fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    fc.integer({ min: 1, max: 40 }).map((depth) => nested(depth)),
  ),
}

const nested = (depth: number): unknown => (depth === 0 ? null : { inner: nested(depth - 1) })

/** Generates a value that the schema does not allow. */
function generateWrongValue(schema: Schema): fc.Arbitrary<unknown> {
  const { anyOf = [schema] } = schema
  const types = anyOf.flatMap(({ type }) => (type === 'number' ? ['number', 'integer'] : [type]))
  const others = Object.entries(ofType).filter(([type]) => !types.includes(type as Schema['type']))
  /** Returns whether a text is a value of the schema as JSON, which is read as that value. */
  const isMeant = (value: unknown) => typeof value === 'string' && types.includes(typeOfJson(value))
  const sameType = anyOf.flatMap(generateOutOfBounds)
  // Branches of a union are independent: a value that one rejects may be valid for another one of the same type.
  const inside = anyOf.length === 1 || new Set(types).size === anyOf.length ? sameType : []
  return fc
    .oneof(...others.map(([, arbitrary]) => arbitrary), ...inside.flatMap((one) => [one, one]))
    .filter((value) => !isMeant(value))
}

function typeOfJson(text: string): Schema['type'] {
  try {
    const value = JSON.parse(text)
    if (Array.isArray(value)) return 'array'
    return Number.isInteger(value) ? 'integer' : (typeof value as Schema['type'])
  } catch {
    return undefined
  }
}

function generateOutOfBounds(schema: Schema): fc.Arbitrary<unknown>[] {
  switch (schema.type) {
    case 'string':
      return generateWrongTexts(schema)
    case 'number':
    case 'integer':
      return generateWrongNumbers(schema)
    case 'array':
      return generateWrongLists(schema)
    case 'object':
      return generateWrongObjects(schema)
    default:
      return []
  }
}

function generateWrongTexts({
  enum: choices,
  minLength = 0,
  maxLength,
  pattern,
  format,
}: Schema): fc.Arbitrary<unknown>[] {
  const odd = fc.oneof(fc.string(), fc.constantFrom('summary ', 'LORA', 'a\0b', ' ', '', 'constructor', '../x', 'ü'))
  const fits = pattern === undefined ? () => true : (text: string) => new RegExp(pattern).test(text)
  return [
    ...(choices ? [odd.filter((text) => !choices.includes(text))] : []),
    ...(minLength > 0 ? [fc.constant('')] : []),
    ...(maxLength === undefined ? [] : [fc.integer({ min: maxLength + 1, max: 100_000 }).map((n) => 'x'.repeat(n))]),
    ...(pattern === undefined
      ? []
      : [
          fc
            .oneof(
              odd,
              odd.map((text) => `${text}\0`),
            )
            .filter((text) => !fits(text)),
        ]),
    ...(format === undefined ? [] : [odd]),
  ]
}

function generateWrongNumbers({
  type,
  minimum,
  maximum,
  exclusiveMinimum,
  exclusiveMaximum,
}: Schema): fc.Arbitrary<unknown>[] {
  const below = minimum === undefined ? exclusiveMinimum : minimum - 1
  const above = maximum === undefined ? exclusiveMaximum : maximum + 1
  return [
    ...(below === undefined ? [] : [fc.constantFrom(below, below - 1, below - 1e9)]),
    ...(above === undefined ? [] : [fc.constantFrom(above, above + 1, above * 1e9, 1e300)]),
    ...(type === 'integer' ? [fc.constantFrom(8.5, 1e-9)] : []),
  ]
}

function generateWrongLists({ items = {}, minItems = 0, maxItems }: Schema): fc.Arbitrary<unknown>[] {
  const item = generateWrongValue(items)
  return [
    ...(minItems > 0 ? [fc.constant([])] : []),
    ...(maxItems === undefined ? [] : [fc.constant(Array.from({ length: maxItems + 1 }, (_, i) => `x${i}`))]),
    fc.tuple(fc.nat(3), item).map(([before, wrong]) => [...Array.from({ length: before }, (_, i) => `x${i}`), wrong]),
  ]
}

function generateWrongObjects({ properties, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown>[] {
  if (!properties)
    return typeof additionalProperties === 'object'
      ? [generateWrongValue(additionalProperties).map((value) => ({ negative: 'worst', positive: value }))]
      : []
  const right = Object.fromEntries(required.map((name) => [name, 'good']))
  return [generateWrongArgs({ properties, required }, right).map(({ args }) => args)]
}
