import type { ErrorCode } from '../../core/catalogue.ts'
import { fail } from '../../core/errors.ts'

/** What can be asked for by id or name, with the error that says that there is none. */
const unknownCodes = {
  alias: 'alias_unknown',
  base: 'base_unknown',
  comparison: 'comparison_unknown',
  dataset: 'dataset_unknown',
  evaluation: 'evaluation_unknown',
  key: 'key_unknown',
  training: 'training_unknown',
} as const satisfies Record<string, ErrorCode>

export function unknown(kind: keyof typeof unknownCodes, asked: string, subject: string = kind): never {
  return fail(unknownCodes[kind], {
    subject,
    expected: 'one that is in the store, by its id or name',
    found: JSON.stringify(asked.slice(0, 200)),
    fix: 'List what there is, and check the spelling.',
  })
}

export function nameTaken(kind: string, name: string): never {
  return fail('name_taken', {
    subject: `the name of the ${kind}`,
    expected: 'one that is free',
    found: `that ${JSON.stringify(name)} is taken`,
    fix: 'Choose another name, or remove what bears it.',
  })
}
