import type { Training, TrainingPlan } from '../../client/client.ts'
import { formatCount } from '../../core/format-count.ts'
import { countOf, formatBytes, formatDuration, formatPercent, formatSmallPercent } from '../format.ts'
import { Facts } from './facts.tsx'
import { Findings } from './findings.tsx'
import { Tile } from './tile.tsx'

type Plan = NonNullable<Training['plan']>

/** The work of a training. */
export function PlanFacts({ plan }: { plan: Plan }) {
  const { data, labels, batch_size, batch_tokens, tokens } = plan
  return (
    <Facts
      facts={[
        [
          'Trained parameters',
          `${formatCount(plan.trainable)} of ${formatCount(plan.total)} (${formatSmallPercent(plan.percent)})`,
        ],
        ['Steps', formatCount(plan.steps)],
        ['Step', batch_size ? countOf(batch_size, 'review') : batch_tokens && countOf(batch_tokens, 'token')],
        ['Reviews', `${formatCount(plan.reviews)}${tokens ? `, ${countOf(tokens, 'token')}` : ''}`],
        ['Held out to calibrate', countOf(plan.held_out, 'review')],
        ['Truncated', countOf(plan.truncated, 'review')],
        ['Duplicates', countOf(plan.duplicates, 'review')],
        ['Also in the test data', plan.leaked ? countOf(plan.leaked, 'review') : undefined],
        ['Skipped rows', data && data.skipped.rows > 0 ? formatCount(data.skipped.rows) : undefined],
        ['Padding', formatPercent(plan.padding)],
        ['Learning rate', String(plan.learning_rate)],
        ['Device', plan.device === 'cpu' ? `CPU, ${countOf(plan.threads, 'thread')}` : plan.device],
        ['Label words', <LabelWords labels={labels} />],
      ]}
    />
  )
}

const LabelWords = ({ labels }: { labels: Plan['labels'] }) => (
  <>
    {Object.entries(labels)
      .slice(0, 12)
      .map(([label, word]) => (
        <span key={label} class="pair">
          {label} → <em>{word}</em>
        </span>
      ))}
  </>
)

export const PlanFindings = ({ plan }: { plan: Plan }) => <Findings findings={plan.findings ?? []} />

/** The cost of a training. */
export const EstimateTiles = ({ plan, estimate }: TrainingPlan) => (
  <div class="tiles">
    <Tile name="Time" value={formatDuration(estimate.seconds)} />
    <Tile name="Memory" value={formatBytes(estimate.memory_bytes)} />
    <Tile name="Trained parameters" value={`${formatCount(plan.trainable)} (${formatSmallPercent(plan.percent)})`} />
    <Tile name="Reviews per second" value={estimate.reviews_per_second.toFixed(0)} />
  </div>
)
