import type { ErrorCode } from '../../core/catalogue.ts'
import { fail } from '../../core/errors.ts'

/** The kinds of rows that a caller refers to, with the error of an unknown one. */
const KINDS = {
  alias: { code: 'alias_unknown', expected: 'the name of an existing alias' },
  base: { code: 'base_unknown', expected: 'the id or name of an existing base' },
  comparison: { code: 'comparison_unknown', expected: 'the id of an existing comparison' },
  dataset: { code: 'dataset_unknown', expected: 'the id or name of an existing data set' },
  evaluation: { code: 'evaluation_unknown', expected: 'the id of an existing evaluation' },
  key: { code: 'key_unknown', expected: 'the id of a key that is not revoked' },
  webhook: { code: 'webhook_unknown', expected: 'the id of an existing webhook' },
  training: { code: 'training_unknown', expected: 'the id or name of an existing training' },
} as const satisfies Record<string, { code: ErrorCode; expected: string }>

/**
 * Throws the error of a row that does not exist.
 * @param subject the field that names the row. Defaults to the kind.
 */
export function throwUnknown(kind: keyof typeof KINDS, idOrName: string, subject: string = kind): never {
  const { code, expected } = KINDS[kind]
  return fail(code, {
    subject,
    expected,
    found: JSON.stringify(idOrName.slice(0, 200)),
    fix: 'List what exists, and check the spelling.',
  })
}

export function throwNameTaken(kind: string, name: string): never {
  return fail('name_taken', {
    subject: `the ${kind} name ${JSON.stringify(name)}`,
    problem: 'is already taken',
    fix: 'Choose another name, or remove the one that has this name.',
  })
}
