import fc from 'fast-check'
import type { Args, Schema } from './wrong-args.ts'

/** Arguments that the schema of a tool allows, odd as they may be: some of those that right ones leave out are added, or take their place. */
export function allowedArgs({ properties = {} }: Schema, right: Args): fc.Arbitrary<Args> {
  const fields = fc.subarray(Object.keys(properties), { maxLength: 3 })
  return fields.chain((names) =>
    fc
      .record(Object.fromEntries(names.map((name) => [name, allowed(properties[name])])))
      .map((odd) => ({ ...right, ...odd })),
  )
}

function allowed(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(allowed))
  if (schema.const !== undefined) return fc.constant(schema.const)
  switch (schema.type) {
    case 'string':
      return allowedText(schema)
    case 'integer':
      return fc.integer({ min: least(schema, 1), max: Math.min(most(schema, 1), Number.MAX_SAFE_INTEGER) })
    case 'number':
      return fc.double({ min: least(schema, 1e-9), max: most(schema, 1e-9), noNaN: true, noDefaultInfinity: true })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(allowed(schema.items ?? {}), {
        minLength: schema.minItems,
        maxLength: Math.max(schema.minItems ?? 0, 4),
      })
    default:
      return allowedObject(schema)
  }
}

const least = ({ minimum, exclusiveMinimum }: Schema, step: number): number =>
  minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + step)
const most = ({ maximum, exclusiveMaximum }: Schema, step: number): number =>
  maximum ?? (exclusiveMaximum === undefined ? Number.MAX_VALUE : exclusiveMaximum - step)

function allowedText({ enum: choices, pattern, format, minLength, maxLength = 60 }: Schema): fc.Arbitrary<unknown> {
  if (choices) return fc.constantFrom(...choices)
  if (format === 'uuid') return fc.uuid()
  // Halves of surrogate pairs and what no database likes are texts, too.
  const any = fc.oneof(fc.string({ unit: 'binary', minLength, maxLength }), fc.constantFrom('\ud800', 'a\0b', '%', "'"))
  if (pattern === undefined) return any
  const rule = new RegExp(pattern)
  return fc.oneof(
    any.filter((text) => rule.test(text)),
    fc.stringMatching(rule, { maxLength }).filter((text) => rule.test(text)),
  )
}

function allowedObject({ properties, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  if (properties)
    return fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, allowed(one)])), {
      requiredKeys: [...required],
    })
  const value = typeof additionalProperties === 'object' ? allowed(additionalProperties) : fc.jsonValue()
  return fc.dictionary(fc.string({ unit: 'binary', maxLength: 10 }), value, { maxKeys: 3 })
}
