import { createHash } from 'node:crypto'
import { LABEL_RULE, MAX_LABELS } from '../../core/label-rule.ts'
import { makeBadRows } from './bad-rows.ts'
import { checkRow, type Example } from './check-row.ts'
import type { Columns } from './columns.ts'
import { detectFormat } from './detect-format.ts'
import { type ExampleFacts, makeExampleCounter } from './example-counts.ts'
import { rejectKnownFiles } from './known-files.ts'
import { type DataLimits, LOCAL_LIMITS } from './limits.ts'
import { isNoLabelMarker, NO_LABEL, NO_LABEL_REASON } from './no-label-marker.ts'
import { type DataFile, peek, readContents } from './read-contents.ts'
import type { DataFormat, Reading } from './reading.ts'
import type { Row } from './row.ts'
import type { SkippedRows } from './skipped-rows.ts'
import { detectEncoding, type FileEncoding, makeLineDecoder, toUtf8 } from './text-encoding.ts'
import { throwNoExamples, throwTooMany } from './throw-rows.ts'
import { makeUnknownLabels } from './unknown-labels.ts'

/** How a file was read. */
export interface FileReading {
  /** The columns that were read. Not set for a format whose columns have no names. */
  columns?: Columns
  encoding: FileEncoding | 'windows-1252'
  /** Rows that were not read. Empty unless bad rows are skipped. */
  skipped: SkippedRows
}

/** The facts about a file of examples, without its texts. */
export interface ExampleCounts extends ExampleFacts, FileReading {
  /** SHA-256 of the bytes of the file, in hexadecimal digits. */
  sha256: string
  format: DataFormat
}

export interface ReadOptions extends Reading {
  /** The labels allowed. Defaults to any. */
  labels?: readonly string[]
  /** Allows rows without a label. */
  unlabelled?: boolean
  /** The descriptor of the open file. If it is set, the path only names the file in errors. */
  fd?: number
  /** Defaults to those of a file on the reader's own machine. */
  limits?: DataLimits
}

/**
 * Reads every example from a file in one of the formats of docs/data.md, plain or compressed with gzip. The content
 * determines the format, not the file name. Keeps no texts. No error about a row contains one either, because errors
 * are stored and shown to others.
 * @param onExample called with each example and its row in the file. An example whose label is not in the resulting
 *   counts has none after all.
 * @throws GraftError `file_missing`, `data_empty`, `data_format`; `data_line`, `data_label` or `data_too_large` with
 *   the number of a line; `data_skipped`
 */
export async function scanExamples(
  path: string,
  options: ReadOptions,
  onExample: (example: Example, row: Row) => void,
): Promise<ExampleCounts> {
  const { skip_bad = false, max_skipped, unlabelled = false, limits = LOCAL_LIMITS } = options
  const hash = createHash('sha256')
  const decoder = makeLineDecoder()
  const { encoding, head, isWhole, chunks } = await openText({ path, fd: options.fd }, hash, limits)
  const format = detectFormat(head, isWhole, { path, decoder, rowBytes: limits.rowBytes }, options)
  const counter = makeExampleCounter({ unlabelled })
  const badRows = makeBadRows(path, { skip: skip_bad, maxShare: max_skipped })
  const unknownLabels = makeUnknownLabels(path, options.labels)
  const markerLines: number[] = []

  await format.read(chunks, (row: Row) => {
    const checked = checkRow(row, unlabelled)
    if (!('text' in checked)) return badRows.add(row, checked)
    badRows.requireNoneBefore()
    counter.add(checked)
    if (counter.rows > limits.rows) throwTooMany(path, row.line, `${limits.rows} reviews`)
    if (counter.labels.size > MAX_LABELS) throwTooMany(path, row.line, `${MAX_LABELS} labels`)
    if (!unlabelled && checked.label === NO_LABEL) markerLines.push(row.line)
    else if (!unlabelled) unknownLabels.check(checked.label, row.line)
    onExample(checked, row)
  })
  // Only the other labels show whether -1 is one.
  const isMarker = isNoLabelMarker(counter.labels)
  if (isMarker) counter.removeLabel(NO_LABEL)
  if (isMarker && counter.rows === 0) throwNoExamples(path, allWithoutLabel(markerLines))
  for (const line of markerLines)
    if (isMarker) badRows.add({ line }, { expected: LABEL_RULE, found: NO_LABEL_REASON })
    else unknownLabels.check(NO_LABEL, line)
  const skipped = badRows.finish(counter.rows)
  unknownLabels.requireNone(counter.rows)
  if (counter.rows === 0) throwNoExamples(path, skipped)
  return {
    ...counter.finish(),
    skipped,
    sha256: hash.digest('hex'),
    format: format.name,
    columns: format.columns,
    encoding: decoder.windows1252From() === undefined ? encoding : 'windows-1252',
  }
}

const allWithoutLabel = (lines: readonly number[]): SkippedRows => ({
  rows: lines.length,
  reasons: [{ reason: NO_LABEL_REASON, rows: lines.length, lines: [lines[0]] }],
})

const HEAD_BYTES = 2 ** 16

/** Opens a file as text in UTF-8, or in another encoding whose line breaks are those of ASCII. */
async function openText(file: DataFile, hash: ReturnType<typeof createHash>, limits: DataLimits) {
  const stored = await peek(readContents(file, hash, limits), HEAD_BYTES)
  rejectKnownFiles(stored.head, file.path)
  const encoding = detectEncoding(stored.head)
  const text = await peek(toUtf8(stored.chunks, encoding, file.path), HEAD_BYTES)
  const hasLine = text.isWhole || text.head.includes('\n') || text.head.includes('\r')
  return { encoding, ...(hasLine ? text : await peek(text.chunks, limits.rowBytes)) }
}
