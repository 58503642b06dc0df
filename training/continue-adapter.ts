import { isDeepStrictEqual } from 'node:util'
import { type Adapter, loadAdapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { detectLayout } from '../checkpoint/layouts.ts'
import { readManifest } from '../checkpoint/manifest.ts'
import { describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import type { Model } from '../model/architecture.ts'
import type { MethodConfig } from '../model/methods/registry.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Adds the settings of an adapter to the fields of a training that continues from it: its method, and how it truncates
 * texts. Reads no weights.
 * @param fields fields of a specification, which come before those of the adapter
 * @param dir the folder of the adapter
 * @throws GraftError `method_invalid` if the training is to use another method; `file_missing`, `checkpoint_config`,
 *   `checkpoint_corrupt`
 */
export async function addAdapterSettings(fields: Fields, dir: string, model: Model): Promise<Fields> {
  const { layout, config, subject } = await detectLayout(dir)
  const { method } = layout.parseConfig(config, model, subject)
  if (fields.method !== undefined && fields.method !== method.method)
    throwOtherMethod('method', method.method, fields.method)
  const { truncation } = (await readManifest(dir)) ?? {}
  const settings = {
    ...method,
    ...(truncation && { max_tokens: truncation.max_tokens, truncation_side: truncation.side }),
  }
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { ...settings, ...Object.fromEntries(given) }
}

/**
 * Loads the adapter that a training continues from.
 * @throws GraftError `method_invalid` if the training uses another method; like {@link loadAdapter}
 */
export async function loadStart(dir: string, base: Base, method: MethodConfig): Promise<Adapter> {
  const adapter = await loadAdapter(dir, base)
  const [expected, found]: Fields[] = [adapter.method, method]
  const field = Object.keys({ ...expected, ...found }).find((key) => !isDeepStrictEqual(expected[key], found[key]))
  if (field !== undefined) throwOtherMethod(field, expected[field], found[field])
  return adapter
}

const throwOtherMethod = (field: string, expected: unknown, found: unknown): never =>
  fail('method_invalid', {
    subject: field,
    expected: `${describeValue(expected)}, as in the adapter to continue from`,
    found: describeValue(found),
    fix: 'Leave out the fields of the method: they are taken from the adapter.',
  })
