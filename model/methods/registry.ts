import { z } from 'zod'
import { describeValue, formatFieldName } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { IN_OUR_WORDS } from '../../core/expectation.ts'
import type { Model } from '../architecture.ts'
import { fromBase, type Method, type Parameter } from '../method.ts'
import { bottleneck } from './bottleneck.ts'
import { full } from './full.ts'
import { ia3 } from './ia3.ts'
import { lora } from './lora.ts'
import { prefix } from './prefix.ts'
import { softPrompt } from './soft-prompt.ts'

/** Every tuning method. To add one, write its file and list it here (docs/extending.md). */
// biome-ignore lint/suspicious/noExplicitAny: each method has its own configuration
export const methods: Record<string, Method<any>> = {
  [lora.name]: lora,
  [bottleneck.name]: bottleneck,
  [softPrompt.name]: softPrompt,
  [ia3.name]: ia3,
  [prefix.name]: prefix,
  [full.name]: full,
}

/** A method's name and configuration, such as `{ method: 'lora', rank: 8, … }`. */
export type MethodConfig = { readonly method: string } & Readonly<Record<string, unknown>>

/**
 * Checks a configuration and fills in its defaults.
 * @throws GraftError `method_invalid` for an unknown method, a field of another method, or an invalid value
 */
export function parseMethod({ method: name, ...given }: MethodConfig): MethodConfig {
  const parsed = findMethod(name).config.safeParse(given, IN_OUR_WORDS)
  if (parsed.success) return { method: name, ...parsed.data }
  const [issue] = parsed.error.issues
  const field = issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.join('.')
  const found = given[field.split('.')[0]]
  fail('method_invalid', {
    subject: `${name}, ${formatFieldName(field)}`,
    expected:
      issue.code === 'unrecognized_keys'
        ? `only ${Object.keys(fieldsOf(name)).join(', ') || 'no field'}`
        : issue.message,
    found: describeValue(found),
    fix: 'See graft train --help for the fields of each method.',
  })
}

export function findMethod(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name]
  return fail('method_invalid', {
    subject: 'method',
    expected: Object.keys(methods).join(', '),
    found: describeValue(name),
    fix: 'Use one of these methods.',
  })
}

/**
 * Returns everything that a method trains on a model: the method's own tensors, then those that the model trains with
 * any method.
 * @throws GraftError `method_invalid` if the configuration does not fit the model
 */
export function parametersOf(method: MethodConfig, model: Model): Parameter[] {
  const own = findMethod(method.method).parameters(method, model)
  const trained = new Set(own.map(({ name }) => name))
  const head = model.tensors.filter(({ name }) => model.head.includes(name) && !trained.has(name))
  return [...own, ...head.map(fromBase)]
}

/** Returns how many positions a method adds to every text. */
export const virtualTokensOf = (method: MethodConfig): number => findMethod(method.method).virtualTokens?.(method) ?? 0

/** Returns whether adapters of a configuration cannot share batches with others. */
export const needsOwnBatch = (method: MethodConfig): boolean =>
  findMethod(method.method).needsOwnBatch?.(method) ?? false

/** Returns the fields of a method's configuration, each with its schema. */
export function fieldsOf(name: string): Record<string, z.ZodType> {
  const { config } = findMethod(name)
  return config instanceof z.ZodObject ? config.shape : {}
}
