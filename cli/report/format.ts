import type { Interval } from '../../training/metrics.ts'
import type { ClaimResult, ClaimVerdict } from '../sweep/report.ts'

// The formats of figures that the report and the terminal share.

/** Formats a share in per cent, without the sign. */
export const formatAccuracy = (share: number): string => (100 * share).toFixed(2)

export const formatInterval = (interval: Interval): string => interval.map(formatAccuracy).join(' to ')

/** Formats a difference of shares in percentage points, with its sign. */
export const formatPoints = (share: number): string =>
  `${share > 0 ? '+' : ''}${(100 * share).toFixed(2)}`.replace(/^[+-](0\.0+)$/, '$1')

export const formatP = (p: number): string => (p < 0.0001 ? p.toExponential(1) : p.toFixed(4))

export const formatMegabytes = (bytes: number): string => (bytes / 1e6).toPrecision(3)

const verdicts: Readonly<Record<ClaimVerdict, string>> = {
  holds: 'holds',
  reversed: 'the reverse holds',
  undecided: 'cannot tell',
  unfinished: 'not measured',
}

export const formatVerdict = ({ verdict }: Pick<ClaimResult, 'verdict'>): string => verdicts[verdict]
