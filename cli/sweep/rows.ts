import { z } from 'zod'
import { fail, GraftError } from '../../core/errors.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { fieldsByMethod } from '../../platform/schemas/methods.ts'
import { readingFields } from '../../training/data/reading.ts'
import { parseTrainingSpec, type TrainingSpec, trainingFields } from '../../training/spec.ts'
import { requireTrainingField } from '../training-fields.ts'

/** A configuration that a grid trains, with the accuracy that was published for it. */
export interface GridRow {
  name: string
  /** The fields of its trainings, except their seed. */
  settings: Readonly<Record<string, unknown>>
  method: MethodConfig
  /** Everything that determines the trained bytes, except the seed, the base and the data; with all defaults. */
  identity: Readonly<Record<string, unknown>>
  /** In per cent. */
  published?: number
  published_source?: string
}

/** The fields of a row in the file. All others are those of a training. */
export const rowFields = z.looseObject(
  {
    name: z.string({ error: 'a name' }).regex(/^\S(?:.{0,78}\S)?$/, 'a name of 1 to 80 characters on one line'),
    published: z.number('an accuracy in per cent').min(0).max(100, 'an accuracy in per cent').optional(),
    published_source: z.string({ error: 'a text' }).optional(),
  },
  { error: 'a row with a name and the fields of a training' },
)

/** Fields of a training that a row cannot set, with the reason. */
const fixedFields: Readonly<Record<string, string>> = {
  seed: 'Set seeds, for the whole grid.',
  base: 'Set base for the whole grid. Rows on different bases need two grids.',
  data: 'Set data for the whole grid.',
  test: 'Set test for the whole grid.',
  out: 'Remove it. The adapters are kept in the store.',
  save_seconds: 'Remove it. Workers choose when to save.',
  ...Object.fromEntries(Object.keys(readingFields).map((field) => [field, `Set ${field} for the whole grid.`])),
}

/** Pairs of fields that set the same thing. A row that sets one of them ignores a default of the other. */
const alternatives: readonly (readonly [string, string])[] = [
  ['epochs', 'steps'],
  ['batch_tokens', 'batch_size'],
]

/** Fields that do not change the trained bytes. */
const NEUTRAL_FIELDS: readonly string[] = ['threads', 'save_seconds', 'base', 'data', 'test', 'out', 'seed']

/**
 * Reads the rows of a grid.
 * @param defaults fields of a training for all rows that do not set them. A field of a method applies only to the rows
 *   whose method has it.
 * @throws GraftError `usage` or `method_invalid` with the row and the field that is wrong
 */
export function readRows(
  defaults: Readonly<Record<string, unknown>>,
  rows: readonly z.infer<typeof rowFields>[],
): GridRow[] {
  requireKnownFields(defaults, 'defaults')
  return rows.map(({ name, published, published_source, ...fields }, i) => {
    const first = rows.findIndex((row) => row.name === name)
    if (first < i)
      fail('usage', {
        subject: `rows[${i}].name`,
        problem: `${JSON.stringify(name)} is also the name of rows[${first}]`,
        fix: 'Give each row another name.',
      })
    requireKnownFields(fields, `rows[${i}]`)
    const settings = withDefaults(fields, defaults)
    const { method, ...spec } = parseRow(settings, `rows[${i}] (${name})`)
    const identity = Object.entries(spec).filter(([field]) => !NEUTRAL_FIELDS.includes(field))
    return {
      name,
      settings: { method: method.method, ...settings },
      method,
      identity: { ...Object.fromEntries(identity), method },
      ...(published !== undefined && { published }),
      ...(published_source !== undefined && { published_source }),
    }
  })
}

function requireKnownFields(fields: Readonly<Record<string, unknown>>, place: string): void {
  for (const field of Object.keys(fields)) {
    const subject = `${place}.${field}`
    if (Object.hasOwn(fixedFields, field))
      fail('usage', { subject, problem: 'cannot be set here', fix: fixedFields[field] })
    requireTrainingField(field, subject)
  }
}

function withDefaults(
  fields: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const method = String(fields.method ?? defaults.method ?? 'lora')
  const own = Object.hasOwn(fieldsByMethod, method) ? fieldsByMethod[method] : {}
  const applies = (field: string) =>
    (field === 'method' || Object.hasOwn(trainingFields.shape, field) || Object.hasOwn(own, field)) &&
    !alternatives.some((pair) => pair.includes(field) && pair.some((other) => fields[other] !== undefined))
  return { ...Object.fromEntries(Object.entries(defaults).filter(([field]) => applies(field))), ...fields }
}

/** Parses the training of a row. The subject of an error names the row. */
function parseRow(settings: Readonly<Record<string, unknown>>, place: string): TrainingSpec {
  try {
    return parseTrainingSpec({ ...settings, data: '', out: '' })
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return fail(error.code, { ...error.detail, subject: `${place}, ${error.detail.subject}` }, error)
  }
}
