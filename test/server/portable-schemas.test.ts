import { RE2JS } from 're2js'
import { expect, test } from 'vitest'
import { toJsonSchema } from '../../mcp/json-schema.ts'
import { tools } from '../../mcp/tools.ts'
import { start } from './start.ts'

/** Returns every pattern of a document, wherever it is. */
function patternsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'pattern' && typeof inner === 'string'
      ? [inner]
      : [...patternsOf(inner), ...(key === 'patternProperties' ? Object.keys(inner as object) : [])],
  )
}

/** Syntax that engines read differently or reject: lookaround, back references, \\0, \\u, \\p, \\d and \\w. */
const NOT_PORTABLE = /\(\?(?!:)|\\[1-9]|\\0|\\u|\\p|\\[dwsbB]|\\x/

function expectPortable(document: unknown, name: string): void {
  for (const pattern of new Set(patternsOf(document))) {
    expect(() => RE2JS.compile(pattern), `${name}: ${pattern}`).not.toThrow()
    expect(pattern, name).not.toMatch(NOT_PORTABLE)
  }
}

test('the patterns of tools are read alike by every engine of regular expressions', () => {
  for (const { name, input, output } of tools) {
    expectPortable(toJsonSchema(input, 'input'), name)
    expectPortable(toJsonSchema(output, 'output'), name)
  }
  expect(tools.flatMap(({ input }) => patternsOf(toJsonSchema(input, 'input')))).not.toEqual([])
})

test('so are those of the OpenAPI document', async () => {
  const { url } = await start()
  const document = await (await fetch(`${url}/openapi.json`)).json()
  expect(patternsOf(document)).not.toEqual([])
  expectPortable(document, 'openapi.json')
})

test('the OpenAPI document allows null for the optional fields of a body, and only for them', async () => {
  const { url } = await start()
  interface Operation {
    requestBody: {
      content: Record<string, { schema: { $ref: string } }>
    }
  }
  const { paths, components } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, { post: Operation }>
    components: { schemas: Record<string, { properties: Record<string, { type: unknown; anyOf: unknown[] }> }> }
  }
  const { $ref } = paths['/v1/trainings'].post.requestBody.content['application/json'].schema
  const { properties } = components.schemas[$ref.replace('#/components/schemas/', '')]
  expect(properties.rank.type).toEqual(['integer', 'null'])
  expect(properties.loss).toMatchObject({ type: ['string', 'null'], enum: ['labels', 'vocabulary', null] })
  expect(properties.calibration_rows.anyOf.at(-1)).toEqual({ type: 'null' })
  expect(properties.dataset.type).toBe('string')
})
