import { basename } from 'node:path'
import { formatCount } from '../../core/format-count.ts'
import type { FileReading } from '../../platform/schemas/datasets.ts'
import { describeSkipped, type SkippedRows } from '../../training/data/skipped-rows.ts'
import type { Progress } from '../progress.ts'

/**
 * Formats how a file was read as lines of text. There are none for the usual columns in UTF-8, if every row was read.
 * @param name the name of the data set, or a phrase for the file
 */
export function formatReading(name: string, { columns, encoding, skipped }: FileReading): string[] {
  const isUsual = columns?.text === 'text' && columns.label === 'label'
  const labels = columns?.label === undefined ? '' : `, of the labels ${columns.label}`
  return [
    ...(columns && !isUsual ? [`${name}: the column of the texts is ${columns.text}${labels}`] : []),
    ...(encoding === 'windows-1252'
      ? [`note: ${name} is not in UTF-8 and was read as Windows-1252. Check that accented letters are right.`]
      : []),
    ...(skipped.rows > 0 ? [describeSkippedOf(name, skipped)] : []),
  ]
}

/** Shows how a file was read, if it is not the usual way. */
export function writeReading(progress: Progress, path: string, reading: FileReading): void {
  for (const line of formatReading(basename(path), reading)) progress.writeLine(line)
}

export const describeSkippedOf = (name: string, skipped: SkippedRows): string =>
  `warning: ${formatCount(skipped.rows)} rows of ${name} were skipped: ${describeSkipped(skipped)}`
