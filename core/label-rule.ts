import { z } from 'zod'
import { anyRecord } from './any-record.ts'
import { hasVisibleCharacter } from './visible.ts'

/** The largest number of labels of a data set or an adapter. */
export const MAX_LABELS = 1000

const MAX_CHARACTERS = 100
export const LABEL_RULE = `a label of 1 to ${MAX_CHARACTERS} printable characters`

/**
 * Everything that shows when it is printed. Control characters could change a terminal, directional ones the text
 * around the label, and ignorable ones hide text. Of those, Persian, the Indic scripts and emoji need the two joiners
 * and U+FE0F.
 */
const PRINTABLE = /^[[[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]--\p{DI}]\u200c\u200d\ufe0f]+$/v

/** Returns whether every character of a text shows when it is printed, and has at least one. */
export const isPrintable = (text: string): boolean => PRINTABLE.test(text)

/** Returns what a text has that a label may not have, or undefined if it may be a label. */
export function findLabelProblem(text: string): string | undefined {
  const isLong = text.length > 2 * MAX_CHARACTERS || [...text].length > MAX_CHARACTERS
  if (isLong) return `more than ${MAX_CHARACTERS} characters`
  if (text !== '' && !isPrintable(text)) return 'a character that cannot be printed'
  return hasVisibleCharacter(text) ? undefined : 'no visible character'
}

export const isLabel = (text: string): boolean => findLabelProblem(text) === undefined

/** Returns labels as a list for errors. A long list ends with the number of the labels that it leaves out. */
export function listLabels(labels: readonly string[]): string {
  const shown = labels.slice(0, 20).join(', ')
  return labels.length > 20 ? `${shown} and ${labels.length - 20} more` : shown
}

/** The schema of a label. */
export const label = z.string().refine(isLabel, LABEL_RULE)

/**
 * Returns the schema of an object with a value for each label.
 * @param value the schema of the values
 */
export const labelRecord = <Value extends z.ZodType>(value: Value) =>
  anyRecord(value)
    .refine((record) => Object.keys(record).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`)
    .refine((record) => Object.keys(record).every(isLabel), `labels of 1 to ${MAX_CHARACTERS} printable characters`)
