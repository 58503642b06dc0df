import type { Interval } from '../training/metrics.ts'

// The formats of figures that reports and the terminal share.

/** Formats a share in per cent, without the sign. */
export const formatAccuracy = (share: number): string => (100 * share).toFixed(2)

export const formatInterval = (interval: Interval): string => interval.map(formatAccuracy).join(' to ')

/** Formats a difference of shares in percentage points, with its sign. */
export const formatPoints = (share: number): string =>
  `${share > 0 ? '+' : ''}${(100 * share).toFixed(2)}`.replace(/^[+-](0\.0+)$/, '$1')

export const formatPointsInterval = (interval: Interval): string => interval.map(formatPoints).join(' to ')

export const formatP = (p: number): string => (p < 0.0001 ? p.toExponential(1) : p.toFixed(4))

/** Formats a number of four decimals, such as a probability or a calibration error. */
export const formatScore = (score: number): string => score.toFixed(4)
