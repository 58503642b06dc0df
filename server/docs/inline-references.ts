import type { Schema } from './schema-text.ts'

/** Returns a copy in which each reference also has the members of the component that it names. */
export function inlineReferences<T>(value: T, components: Readonly<Record<string, Schema>>): T {
  if (Array.isArray(value)) return value.map((item) => inlineReferences(item, components)) as T
  if (typeof value !== 'object' || value === null) return value
  const { $ref } = value as Schema
  const merged = typeof $ref === 'string' ? { ...components[$ref.split('/').at(-1) ?? ''], ...value } : value
  return Object.fromEntries(Object.entries(merged).map(([key, part]) => [key, inlineReferences(part, components)])) as T
}
