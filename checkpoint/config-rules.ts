import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { JsonObject } from './files.ts'

/**
 * What a key of a library's configuration means here: its value is read; it changes nothing that stored weights compute; or only
 * some values are implemented, and others would be `about` something that is not.
 */
export type KeyRule = 'read' | 'ignored' | { only: readonly unknown[]; about?: string }

export type KeyRules = Readonly<Record<string, KeyRule>>

/**
 * Refuses every key that changes the function in a way that Graft does not implement. A key that no rule knows, of a newer version
 * of the library, may stand where its value says "off": null, false, {} or [].
 * @throws GraftError `checkpoint_config` that names the key and its value
 */
export function checkKeys(config: JsonObject, rules: KeyRules, subject: string): void {
  for (const [key, value] of Object.entries(config)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : { only: [null, false, {}, []] }
    if (rule === 'read' || rule === 'ignored' || rule.only.some((allowed) => isDeepStrictEqual(allowed, value)))
      continue
    const allowed = rule.only.map((v) => JSON.stringify(v)).join(' or ')
    const reason = rule.about
      ? ` (${rule.about} is not implemented)`
      : Object.hasOwn(rules, key)
        ? ''
        : ' (a key that Graft does not know)'
    refuse(`${subject}, ${key}`, `${allowed}${reason}`, value)
  }
}

/**
 * Reads values by a schema.
 * @throws GraftError `checkpoint_config` that names the key and its value
 */
export function readKeys<T>(config: JsonObject, schema: z.ZodType<T>, subject: string): T {
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  const found = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], config)
  return refuse(`${subject}, ${path.join('.')}`, message, found)
}

/** Refuses to load: the file says what Graft does not implement. */
export function refuse(subject: string, expected: string, found: unknown): never {
  refused(
    subject,
    expected,
    found,
    'Where the library that made it can merge it into its base, give the merged model instead.',
  )
}

/** Refuses to save: the library has no words for what Graft would say. */
export function cannotHold(subject: string, expected: string, found: unknown): never {
  refused(subject, expected, found, 'Save in another layout.')
}

function refused(subject: string, expected: string, found: unknown, fix: string): never {
  fail('checkpoint_config', { subject, expected, found: found === undefined ? 'nothing' : JSON.stringify(found), fix })
}
