import { isDeepStrictEqual } from 'node:util'
import { describeValue } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { fieldsOf } from '../../model/methods/registry.ts'
import { parseTrainingSpec, type TrainingSpec, trainingFields } from '../spec.ts'
import { readSavedSpec } from './state-folder.ts'

/** The fields that may change. The contents of files must stay the same, but their paths may differ. */
const CHANGEABLE = ['out', 'base', 'data', 'test', 'from_adapter', 'threads', 'device', 'micro_tokens', 'save_seconds']

/**
 * Returns the specification of the interrupted training in `given.out`.
 * @param given fields of a specification; those that determine the result must have the values of the training
 * @throws GraftError `usage` with the name of a field that has another value; `file_missing`, `checkpoint_corrupt`
 */
export function resumeSpec(given: Readonly<Record<string, unknown>>): TrainingSpec {
  const { out } = given
  if (typeof out !== 'string')
    fail('usage', {
      subject: 'out',
      problem: 'is required to resume a training',
      fix: 'Name the folder that the interrupted training was to write.',
    })
  const spec = readSavedSpec(out)
  const { method, ...fields } = spec
  const saved: Readonly<Record<string, unknown>> = { ...method, ...fields }
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined || CHANGEABLE.includes(field)) continue
    const found = field === 'method' ? value : normalize(field, value, method.method)
    if (!isDeepStrictEqual(found, saved[field])) throwOtherSetting(field, saved[field], found)
  }
  const parsed: Readonly<Record<string, unknown>> = parseTrainingSpec({ ...saved, ...given })
  const changed = CHANGEABLE.filter((field) => given[field] !== undefined).map((field) => [field, parsed[field]])
  // The saved fields keep their order, which the identity of a training depends on.
  return { ...spec, ...Object.fromEntries(changed) }
}

/** Returns a value as a specification has it, or as it is if it is not valid. */
function normalize(field: string, value: unknown, method: string): unknown {
  const schemas = { ...fieldsOf(method), ...trainingFields.shape }
  const parsed = Object.hasOwn(schemas, field) ? schemas[field as keyof typeof schemas].safeParse(value) : undefined
  return parsed?.success ? parsed.data : value
}

function throwOtherSetting(field: string, saved: unknown, found: unknown): never {
  fail('usage', {
    subject: field,
    expected:
      saved === undefined
        ? 'no value, as when the training started'
        : `${describeValue(saved)}, as when the training started`,
    found: describeValue(found),
    fix: 'Leave it out to continue the training, or train again in another folder.',
  })
}
