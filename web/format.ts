import { formatCount } from '../core/format-count.ts'

/** Returns a number with its noun, such as `1 review` or `2,000 reviews`. */
export const countOf = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatCount(count)} ${count === 1 ? noun : plural}`

export const formatPercent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** Returns a share of parameters, which may be tiny. */
export const formatSmallPercent = (percent: number): string =>
  `${percent >= 10 ? percent.toFixed(0) : percent.toPrecision(2)} %`

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB']

export function formatBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** unit
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toPrecision(2)} ${UNITS[unit]}`
}

/** Returns seconds in the one or two units that matter, such as `45 s`, `3 min 20 s` or `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return 'under 1 s'
  const rounded = Math.round(seconds)
  if (rounded < 60) return `${rounded} s`
  const minutes = Math.floor(rounded / 60)
  if (minutes < 10) return rounded % 60 === 0 ? `${minutes} min` : `${minutes} min ${rounded % 60} s`
  if (minutes < 60) return `${Math.round(rounded / 60)} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`
}

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const relativeFormat = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

export const formatTime = (timestamp: string): string => timeFormat.format(new Date(timestamp))

/** Returns how long ago a time was, such as `5 minutes ago`. */
export function formatAge(timestamp: string): string {
  const seconds = (Date.parse(timestamp) - Date.now()) / 1000
  if (seconds > -45) return 'just now'
  if (seconds > -3600) return relativeFormat.format(Math.round(seconds / 60), 'minute')
  if (seconds > -86_400) return relativeFormat.format(Math.round(seconds / 3600), 'hour')
  return relativeFormat.format(Math.round(seconds / 86_400), 'day')
}

/** Returns a large number in a short form, such as `24.6k` or `8.4M`. */
export const formatShort = (count: number): string =>
  new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count)

const capitalize = (words: string): string => words[0].toUpperCase() + words.slice(1)

/** Returns a name of a field as words, such as `Learning rate`. */
export const wordsOf = (field: string): string => PROPER_NAMES[field] ?? capitalize(field.replaceAll('_', ' '))

const PROPER_NAMES: Readonly<Record<string, string>> = { dora: 'DoRA', rslora: 'rsLoRA' }

/** Returns a name that is not taken yet with certainty. It does not need a secure context, as `randomUUID` does. */
export const randomName = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
