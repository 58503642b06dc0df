import { countOf, formatPercent } from '../format.ts'
import { Meter } from './meter.tsx'

type Counts = Readonly<Record<string, number>>

const MAX_SHOWN = 12

const sortedOf = (counts: Counts) => Object.entries(counts).sort(([, a], [, b]) => b - a)
const sumOf = (counts: Counts) => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** The counts of labels as bars. */
export function LabelBars({ counts }: { counts: Counts }) {
  const total = sumOf(counts)
  const sorted = sortedOf(counts)
  const rest = sorted.slice(MAX_SHOWN)
  return (
    <div class="bars">
      {sorted.slice(0, MAX_SHOWN).map(([label, count]) => (
        <div key={label} class="bar-row">
          <span class="bar-name" title={label}>
            {label}
          </span>
          <Meter share={count / total} label={`share of ${label}`} />
          <span class="number">
            {countOf(count, 'review')} <span class="quiet">{formatPercent(count / total)}</span>
          </span>
        </div>
      ))}
      {rest.length > 0 && (
        <p class="quiet">
          and {countOf(rest.length, 'more label', 'more labels')} with{' '}
          {countOf(
            rest.reduce((sum, [, count]) => sum + count, 0),
            'review',
          )}
        </p>
      )}
    </div>
  )
}

/** The shares of labels as one narrow bar, for lists. */
export function LabelStrip({ counts }: { counts: Counts }) {
  const total = sumOf(counts)
  const sorted = sortedOf(counts)
  const words = sorted.slice(0, 4).map(([label, count]) => `${label} ${formatPercent(count / total, 0)}`)
  if (sorted.length > 4) words.push(`${sorted.length - 4} more`)
  return (
    <span class="strip-cell">
      <span class="strip" aria-hidden="true">
        {sorted.slice(0, 8).map(([label, count], i) => (
          <span key={label} class={`series-${i % 6}`} style={{ width: `${((100 * count) / total).toFixed(2)}%` }} />
        ))}
      </span>
      <span class="quiet">{words.join(', ')}</span>
    </span>
  )
}
