import { formatCount } from '../../core/format-count.ts'
import { formatPercent } from '../format.ts'
import type { Metrics } from '../metrics.ts'
import { Accuracy } from './accuracy.tsx'
import { Facts } from './facts.tsx'

const MAX_CONFUSED = 12

/** How an adapter did on its test data. */
export function MetricsView({ metrics }: { metrics: Metrics }) {
  const { n, f1, ece, log_loss, labels = [], confusion = [], classes = [], slices = [] } = metrics
  return (
    <div class="columns two">
      <section class="panel">
        <h2>On its test data</h2>
        <Facts
          facts={[
            ['Reviews', n && formatCount(n)],
            ['F1', f1?.toFixed(4)],
            ['Calibration error', ece?.toFixed(4)],
            ['Log loss', log_loss?.toFixed(4)],
          ]}
        />
        {classes.length > 0 && (
          <section class="table-frame" tabindex={0} aria-label="By label">
            <table class="list">
              <thead>
                <tr>
                  <th>Label</th>
                  <th class="number">Reviews</th>
                  <th class="number">Precision</th>
                  <th class="number">Recall</th>
                  <th class="number">F1</th>
                </tr>
              </thead>
              <tbody>
                {classes.map((one) => (
                  <tr key={one.label}>
                    <td>{one.label}</td>
                    <td class="number">{formatCount(one.n)}</td>
                    <td class="number">{one.precision.toFixed(3)}</td>
                    <td class="number">{one.recall.toFixed(3)}</td>
                    <td class="number">{one.f1.toFixed(3)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </section>
      <section class="panel">
        {confusion.length > 0 && confusion.length <= MAX_CONFUSED && (
          <>
            <h2>Confusion</h2>
            <Confusion labels={labels} confusion={confusion} />
          </>
        )}
        {slices.length > 0 && (
          <>
            <h2>By length</h2>
            <Facts
              facts={slices.map((slice) => [`${slice.name} (${formatCount(slice.n)})`, <Accuracy metrics={slice} />])}
            />
          </>
        )}
      </section>
    </div>
  )
}

const Confusion = ({
  labels,
  confusion,
}: {
  labels: readonly string[]
  confusion: NonNullable<Metrics['confusion']>
}) => (
  <section class="table-frame" tabindex={0} aria-label="Confusion">
    <table class="confusion">
      <thead>
        <tr>
          <td>true \ predicted</td>
          {labels.map((label) => (
            <th key={label} scope="col">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {confusion.map((row, i) => {
          const total = row.reduce((sum, count) => sum + count, 0)
          return (
            <tr key={labels[i]}>
              <th scope="row">{labels[i]}</th>
              {row.map((count, j) => (
                <td
                  key={labels[j]}
                  class={i === j ? 'right' : 'wrong'}
                  style={{ '--share': `${total === 0 ? 0 : ((100 * count) / total).toFixed(1)}%` }}
                >
                  {formatCount(count)} <span class="quiet">{total > 0 && formatPercent(count / total, 0)}</span>
                </td>
              ))}
            </tr>
          )
        })}
      </tbody>
    </table>
  </section>
)
