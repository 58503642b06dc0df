import { fail } from '../core/errors.ts'
import { fieldsByMethod } from '../platform/schemas/methods.ts'
import { trainingFields } from '../training/spec.ts'
import { suggest } from './flags.ts'

/**
 * Requires that a file names a field of a training or of a method.
 * @throws GraftError `usage`
 */
export function requireTrainingField(field: string, subject: string): void {
  const known = ['method', ...Object.keys(trainingFields.shape), ...Object.values(fieldsByMethod).flatMap(Object.keys)]
  if (known.includes(field)) return
  fail('usage', {
    subject,
    problem: 'is not a field of a training',
    fix: `${suggest(field, known)}Use the flags of graft train, in snake_case.`,
  })
}
