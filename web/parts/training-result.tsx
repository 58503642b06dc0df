import type { Training } from '../../client/client.ts'
import { formatDuration, formatPercent } from '../format.ts'
import { type Metrics, readMetrics } from '../metrics.ts'
import { Findings } from './findings.tsx'
import { Tile } from './tile.tsx'

interface Result {
  seconds: number
  loss: number
  accuracy?: number
  metrics?: Metrics
  findings?: Parameters<typeof Findings>[0]['findings']
  calibration?: { reviews: number; temperature: number; before?: { ece: number }; after?: { ece: number } }
}

/** The outcome of a training. */
export function TrainingResult({ training }: { training: Training }) {
  const { seconds, loss, findings = [], calibration, ...rest } = training.result as unknown as Result
  const metrics = readMetrics(rest.metrics)
  return (
    <section class="panel">
      <h2>Result</h2>
      <div class="tiles">
        {metrics && <Tile name="Accuracy" value={formatPercent(metrics.accuracy)} />}
        {metrics?.interval && (
          <Tile
            name="95 % interval"
            value={`${formatPercent(metrics.interval[0])} – ${formatPercent(metrics.interval[1])}`}
          />
        )}
        {metrics && <Tile name="F1" value={metrics.f1?.toFixed(3) ?? '–'} />}
        <Tile name="Last loss" value={loss.toFixed(3)} />
        <Tile name="Took" value={formatDuration(seconds)} />
        {calibration && (
          <Tile
            name="Temperature"
            value={calibration.reviews > 0 ? calibration.temperature.toFixed(2) : 'not fitted'}
          />
        )}
      </div>
      {findings.length > 0 && <Findings findings={findings} />}
    </section>
  )
}
