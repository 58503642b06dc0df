import fc from 'fast-check'
import type { Args, Schema } from './wrong-args.ts'

/** Generates arguments that the schema of a tool allows, however odd: some valid arguments are replaced or added. */
export function generateArgs({ properties = {} }: Schema, valid: Args): fc.Arbitrary<Args> {
  const names = Object.keys(properties)
  const fields = fc.subarray(names, { maxLength: Math.min(names.length, 3) })
  return fields.chain((names) =>
    fc
      .record(Object.fromEntries(names.map((name) => [name, generateAllowed(properties[name])])))
      .map((odd) => ({ ...valid, ...odd })),
  )
}

function generateAllowed(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(generateAllowed))
  if (schema.const !== undefined) return fc.constant(schema.const)
  switch (schema.type) {
    case 'string':
      return generateText(schema)
    case 'integer':
      return fc.integer({ min: least(schema, 1), max: Math.min(most(schema, 1), Number.MAX_SAFE_INTEGER) })
    case 'number':
      return fc.double({ min: least(schema, 1e-9), max: most(schema, 1e-9), noNaN: true, noDefaultInfinity: true })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(generateAllowed(schema.items ?? {}), {
        minLength: schema.minItems,
        maxLength: Math.max(schema.minItems ?? 0, 4),
      })
    default:
      return generateObject(schema)
  }
}

const least = ({ minimum, exclusiveMinimum }: Schema, step: number): number =>
  minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + step)
const most = ({ maximum, exclusiveMaximum }: Schema, step: number): number =>
  maximum ?? (exclusiveMaximum === undefined ? Number.MAX_VALUE : exclusiveMaximum - step)

function generateText({ enum: choices, pattern, format, minLength, maxLength = 60 }: Schema): fc.Arbitrary<unknown> {
  if (choices) return fc.constantFrom(...choices)
  if (format === 'uuid') return fc.uuid()
  // Unpaired surrogates and characters that databases reject are also texts.
  const any = fc.oneof(fc.string({ unit: 'binary', minLength, maxLength }), fc.constantFrom('\ud800', 'a\0b', '%', "'"))
  if (pattern === undefined) return any
  const rule = new RegExp(pattern)
  return fc.oneof(
    any.filter((text) => rule.test(text)),
    fc.stringMatching(rule, { maxLength }).filter((text) => rule.test(text)),
  )
}

function generateObject({ properties, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  if (properties)
    return fc.record(
      Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, generateAllowed(one)])),
      {
        requiredKeys: [...required],
      },
    )
  const value = typeof additionalProperties === 'object' ? generateAllowed(additionalProperties) : fc.jsonValue()
  return fc.dictionary(fc.string({ unit: 'binary', maxLength: 10 }), value, { maxKeys: 3 })
}
