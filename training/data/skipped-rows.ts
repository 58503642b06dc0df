import { fail } from '../../core/errors.ts'
import { DEFAULT_MAX_SKIPPED } from './reading.ts'

/** Rows of a file that were not read. */
export interface SkippedRows {
  rows: number
  /** The reasons, the most frequent first. */
  reasons: {
    reason: string
    rows: number
    /** The first lines. */
    lines: number[]
  }[]
}

const MAX_REASONS = 10
const MAX_LINES = 5
const OTHER_REASONS = 'other reasons'

/** Counts the rows that are skipped, with few bytes however many there are. */
export interface SkippedCounter {
  add(line: number, reason: string): void
  list(): SkippedRows
}

export function makeSkippedCounter(): SkippedCounter {
  const reasons = new Map<string, { rows: number; lines: number[] }>()
  return {
    add(line, reason) {
      const name = reasons.has(reason) || reasons.size < MAX_REASONS ? reason : OTHER_REASONS
      const { rows, lines } = reasons.get(name) ?? { rows: 0, lines: [] }
      reasons.set(name, {
        rows: rows + 1,
        lines: lines.length < MAX_LINES && lines.at(-1) !== line ? [...lines, line] : lines,
      })
    },
    list() {
      const listed = [...reasons].map(([reason, counts]) => ({ reason, ...counts })).sort((a, b) => b.rows - a.rows)
      return { rows: listed.reduce((sum, { rows }) => sum + rows, 0), reasons: listed }
    },
  }
}

/** So few rows may be skipped of any file, unless the share is set: they are a large one only of a tiny file. */
const FEW_ROWS = 3

/**
 * Requires that not too large a share of a file was skipped.
 * @param read the number of rows that were read
 * @param maxShare the largest share, if it is set
 * @throws GraftError `data_skipped`
 */
export function requireFewSkipped(path: string, skipped: SkippedRows, read: number, maxShare?: number): void {
  const all = read + skipped.rows
  const share = maxShare ?? DEFAULT_MAX_SKIPPED
  if (skipped.rows <= share * all || (maxShare === undefined && skipped.rows <= FEW_ROWS)) return
  fail('data_skipped', {
    subject: path,
    expected: `at most ${percent(share)} of the rows to be skipped`,
    found: `${skipped.rows} of ${all} rows: ${describeSkipped(skipped)}`,
    fix: 'Correct the rows. To skip that many, set max_skipped to a larger share, such as 1 for any (--max-skipped 1).',
  })
}

const percent = (share: number): string => `${Number((100 * share).toFixed(2))} %`

/** Describes skipped rows, such as "an empty text (2 rows: lines 8, 9)". */
export const describeSkipped = ({ reasons }: SkippedRows): string =>
  reasons
    .map(({ reason, rows, lines }) => {
      const list = `${lines.length > 1 ? 'lines' : 'line'} ${lines.join(', ')}${rows > lines.length ? ', …' : ''}`
      return `${reason} (${rows === 1 ? list : `${rows} rows: ${list}`})`
    })
    .join('; ')
