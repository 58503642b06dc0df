/** Returns the value below which this share of the times lies. */
export const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(share * (times.length - 1))]

/** Formats the median and the 95th and 99th percentiles of times in milliseconds. */
export const formatQuantiles = (times: readonly number[]): string =>
  [0.5, 0.95, 0.99].map((share) => `${quantile(times, share).toFixed(0)} ms`).join(' / ')

/** Formats the median with the smallest and the largest: `0.28 (0.27 to 0.31)`. */
export function formatRange(values: readonly number[], digits = 2): string {
  const [median, low, high] = [0.5, 0, 1].map((share) => quantile(values, share).toFixed(digits))
  return `${median} (${low} to ${high})`
}
