import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { describeIssue, describeJson } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import type { JsonObject } from './files.ts'

/**
 * How Graft handles a key of a library's configuration. `read`: it uses the value. `ignored`: the value does not change
 * what stored weights compute. `only`: it supports only these values; others would turn on `feature`, which Graft does
 * not implement.
 */
export type KeyRule = 'read' | 'ignored' | { only: readonly unknown[]; feature?: string }

export type KeyRules = Readonly<Record<string, KeyRule>>

/** Values with which a library turns a feature off. A key that Graft does not know may have one of them. */
const OFF = [null, false, {}, []]

/**
 * Rejects every key that changes the function in a way that Graft does not implement.
 * @throws GraftError `checkpoint_config` with the key and its value
 */
export function checkKeys(config: JsonObject, rules: KeyRules, subject: string): void {
  for (const [key, value] of Object.entries(config)) {
    const isKnown = Object.hasOwn(rules, key)
    const rule = isKnown ? rules[key] : { only: OFF }
    if (rule === 'read' || rule === 'ignored' || rule.only.some((allowed) => isDeepStrictEqual(allowed, value)))
      continue
    const allowed = rule.only.map((v) => JSON.stringify(v)).join(' or ')
    const reason = rule.feature
      ? `, because Graft does not support ${rule.feature}`
      : isKnown
        ? ''
        : ', because Graft does not know this key'
    throwUnsupported(`${subject}, ${key}`, `${allowed}${reason}`, value)
  }
}

/**
 * Reads values with a schema.
 * @throws GraftError `checkpoint_config` with the key and its value
 */
export function readKeys<T>(config: JsonObject, schema: z.ZodType<T>, subject: string): T {
  const parsed = schema.safeParse(config, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const { key, expected, found } = describeIssue(parsed.error, config)
  return fail('checkpoint_config', { subject: `${subject}, ${key}`, expected, found, fix: FIX_UNSUPPORTED })
}

const FIX_UNSUPPORTED =
  'Train the adapter with a supported value, or merge it into its base with the library that made it and load the merged model.'

export const FIX_BASE = 'Use the base on which the adapter was trained.'

/** Throws because a folder cannot be loaded: Graft does not implement what its configuration says. */
export function throwUnsupported(subject: string, expected: string, found: unknown, fix = FIX_UNSUPPORTED): never {
  fail('checkpoint_config', { subject, expected, found: describeJson(found), fix })
}

/** Throws because a method cannot be saved: the library of the layout does not have it. */
export function throwNotSavable(subject: string, expected: string, found: unknown): never {
  fail('checkpoint_config', { subject, expected, found: describeJson(found), fix: 'Save in another layout.' })
}
