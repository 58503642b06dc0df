import { formatPercent } from '../format.ts'
import { readMetrics } from '../metrics.ts'

/** An accuracy with its 95 % interval, drawn from 50 to 100 %. */
export function Accuracy({ metrics: raw }: { metrics: unknown }) {
  const metrics = readMetrics(raw)
  if (!metrics) return <span class="quiet">not measured</span>
  const { accuracy, interval } = metrics
  const place = (share: number) => `${Math.min(100, Math.max(0, 200 * (share - 0.5))).toFixed(2)}%`
  const [low, high] = interval ?? [accuracy, accuracy]
  return (
    <span class="accuracy">
      <span class="number">{formatPercent(accuracy)}</span>
      {interval && (
        <span class="interval" aria-hidden="true">
          <span class="range" style={{ left: place(low), right: `calc(100% - ${place(high)})` }} />
          <span class="point" style={{ left: place(accuracy) }} />
        </span>
      )}
      {interval && (
        <span class="quiet nowrap">
          {formatPercent(low)} – {formatPercent(high)}
        </span>
      )}
    </span>
  )
}
