import { z } from 'zod'
import { describe, fieldName, phraseOf } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import type { Method } from '../method.ts'
import { bottleneck } from './bottleneck.ts'
import { full } from './full.ts'
import { lora } from './lora.ts'
import { softPrompt } from './soft-prompt.ts'

/** Every method of tuning. To add one: write its file, name it here (docs/adding-a-method.md). */
// biome-ignore lint/suspicious/noExplicitAny: each method has its own configuration
export const methods: Record<string, Method<any>> = {
  [lora.name]: lora,
  [bottleneck.name]: bottleneck,
  [softPrompt.name]: softPrompt,
  [full.name]: full,
}

/** A method's name with its own configuration, such as `{ method: 'lora', rank: 8, … }`. */
export type MethodConfig = { readonly method: string } & Readonly<Record<string, unknown>>

/**
 * Fills in defaults and checks a configuration.
 * @throws GraftError `method_invalid` for an unknown method, a field that is not the method's own, or a wrong value
 */
export function parseMethod({ method: name, ...given }: MethodConfig): MethodConfig {
  const parsed = methodNamed(name).config.safeParse(given)
  if (parsed.success) return { method: name, ...parsed.data }
  const [issue] = parsed.error.issues
  const field = issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.join('.')
  const found = given[field.split('.')[0]]
  fail('method_invalid', {
    subject: `${name}, ${fieldName(field)}`,
    expected:
      issue.code === 'unrecognized_keys'
        ? `only ${Object.keys(shapeOf(name)).join(', ') || 'no field'}`
        : phraseOf(issue.message),
    found: describe(found),
    fix: `See graft train --help for the fields of each method.`,
  })
}

export function methodNamed(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name]
  return fail('method_invalid', {
    subject: 'method',
    expected: Object.keys(methods).join(', '),
    found: describe(name),
    fix: 'Choose one of those.',
  })
}

/** The fields of a method's configuration, each with its schema. */
export function shapeOf(name: string): Record<string, z.ZodType> {
  const { config } = methodNamed(name)
  return config instanceof z.ZodObject ? config.shape : {}
}
