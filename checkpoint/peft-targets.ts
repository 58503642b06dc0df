import { RE2JS } from 're2js'
import type { Model } from '../model/architecture.ts'
import { isTarget } from '../model/targets.ts'
import { FIX_BASE, throwUnsupported } from './config-rules.ts'

/** Far longer than any pattern that people write. */
export const MAX_PATTERN_LENGTH = 2000

/** Modules that PEFT would also adapt, although they are not Linears of a block. */
const OTHER_MODULES = [
  'lm_head',
  'shared',
  'encoder.embed_tokens',
  'decoder.embed_tokens',
  'encoder.block.0.layer.0.SelfAttention.relative_attention_bias',
  'decoder.block.0.layer.0.SelfAttention.relative_attention_bias',
]

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

/**
 * Returns the targets that exist in the model, by a key of PEFT such as `target_modules`: names, which match the end of
 * a module's name, a regular expression, which matches the whole name, or all Linears. Like PEFT, ignores names that
 * match no module. Rejects modules that Graft cannot adapt.
 * @throws GraftError `checkpoint_config`
 */
export function resolveTargets(
  modules: readonly string[] | string | null | undefined,
  model: Model,
  subject: string,
  { key: name = 'target_modules', defaults = ['q', 'v'] }: { key?: string; defaults?: readonly string[] } = {},
): readonly string[] {
  if (modules === null || modules === undefined) return defaults
  const key = `${subject}, ${name}`
  const all = model.linears.map(({ name }) => name)
  if (modules === 'all-linear') return [...new Set(all.map(lastPart))]
  const matches = typeof modules === 'string' ? matcherOf(modules, key) : undefined
  const selects = (name: string): boolean => (matches ? matches(name) : isTarget(modules as string[])({ name }))
  const other = OTHER_MODULES.find(selects)
  if (other) return throwUnsupported(key, 'only Linears of the blocks', other)
  const known = matches
    ? shortestTargets(all, matches)
    : (modules as string[]).filter((target) => model.linears.some(isTarget([target])))
  return known.length > 0 ? known : throwUnsupported(key, 'the name of a Linear of the base', modules, FIX_BASE)
}

/**
 * Returns the values of PEFT's `rank_pattern` or `alpha_pattern` by targets. PEFT takes the first pattern that matches
 * a module's name from its beginning or from a dot in it to its end. Patterns that match no Linear have no effect.
 * @returns undefined if there is no value
 * @throws GraftError `checkpoint_config`
 */
export function resolvePattern<T>(
  patterns: Readonly<Record<string, T>> | null | undefined,
  model: Model,
  key: string,
): Record<string, T> | undefined {
  const values = new Map<string, T>()
  const add = (target: string, value: T) => values.has(target) || values.set(target, value)
  for (const [pattern, value] of Object.entries(patterns ?? {})) {
    if (model.linears.some(isTarget([pattern]))) add(pattern, value)
    else {
      const matches = matcherOf(`(.*\\.)?(${pattern})`, key)
      for (const { name } of model.linears) if (matches(name)) add(name, value)
    }
  }
  return values.size > 0 ? Object.fromEntries(values) : undefined
}

/**
 * Returns whether a pattern matches all of a name. The engine takes linear time, whatever the pattern, because it may
 * come from a stranger.
 */
function matcherOf(pattern: string, key: string): (name: string) => boolean {
  try {
    const compiled = RE2JS.compile(pattern)
    return (name) => compiled.matches(name)
  } catch {
    return throwUnsupported(
      key,
      'a regular expression without lookaround and back references, because Graft matches it in linear time',
      pattern,
      'Write the names of the modules as a list instead. PEFT computes the same with it.',
    )
  }
}

/** Names the selected Linears by the ends of their names, where these select nothing else. */
function shortestTargets(all: readonly string[], isSelected: (name: string) => boolean): string[] {
  const targets = all.filter(isSelected).map((name) => {
    const end = lastPart(name)
    return all.every((other) => lastPart(other) !== end || isSelected(other)) ? end : name
  })
  return [...new Set(targets)]
}
