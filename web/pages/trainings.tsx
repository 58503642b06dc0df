import { useState } from 'hono/jsx/dom'
import type { Training } from '../../client/client.ts'
import { formatAge, formatDuration, formatPercent, formatShort } from '../format.ts'
import { useInterval, usePages } from '../load.ts'
import { readMetrics } from '../metrics.ts'
import type { PageProps } from '../page.ts'
import { PageHead } from '../parts/head.tsx'
import { Icon } from '../parts/icon.tsx'
import { Progress } from '../parts/meter.tsx'
import { PagedView, Status } from '../parts/states.tsx'
import { pathTo, queryOf } from '../router.ts'
import { graft } from '../session.ts'

const statuses = ['running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'] as const

const UPDATE_MS = 2000
/** The trainings that are updated at once. More are running only on many workers. */
const MAX_UPDATES = 8
const MAX_CURVES = 6

const isActive = ({ status }: Training) => status === 'running' || status === 'queued'

/** All trainings, the newest first. */
export function TrainingsPage({ address }: PageProps) {
  const status = statuses.find((one) => one === queryOf(address).get('status'))
  const paged = usePages(() => graft.trainings.list({ status }), status ?? '')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const active = paged.items.filter(isActive)
  useInterval(
    () => {
      // The oldest ones run first.
      for (const { id } of active.slice(-MAX_UPDATES))
        graft.trainings.get(id).then(
          (fresh) => paged.replace((item) => (item.id === id ? fresh : item)),
          () => {},
        )
    },
    UPDATE_MS,
    active.length > 0,
  )
  const toggle = (id: string) =>
    setChosen((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before, id]))
  return (
    <>
      <PageHead
        title="Trainings"
        actions={
          <>
            {chosen.length > 0 && (
              <a class="button" href={`/trainings/curves?ids=${chosen.map(encodeURIComponent).join(',')}`}>
                Show {chosen.length === 1 ? 'the curve' : `${chosen.length} curves`}
              </a>
            )}
            <a class="button primary" href="/trainings/new">
              <Icon name="plus" /> New training
            </a>
          </>
        }
      />
      <nav class="filters" aria-label="Status">
        <a href="/trainings" aria-current={status === undefined ? 'true' : undefined}>
          all
        </a>
        {statuses.map((one) => (
          <a key={one} href={`/trainings?status=${one}`} aria-current={status === one ? 'true' : undefined}>
            {one}
          </a>
        ))}
      </nav>
      <PagedView
        paged={paged}
        what="trainings"
        empty={
          status ? (
            <p>No training is {status}.</p>
          ) : (
            <p>
              No training yet. <a href="/data/new">Add data</a>, then <a href="/trainings/new">launch one</a>.
            </p>
          )
        }
      >
        {(items) => <TrainingTable items={items} chosen={chosen} onToggle={toggle} />}
      </PagedView>
    </>
  )
}

interface TrainingTableProps {
  items: readonly Training[]
  chosen?: readonly string[]
  /** Not set if trainings cannot be chosen. */
  onToggle?: (id: string) => void
}

export const TrainingTable = ({ items, chosen = [], onToggle }: TrainingTableProps) => (
  <div class="table-frame">
    <table class="list">
      <thead>
        <tr>
          {onToggle && <th class="check">Curve</th>}
          <th>Name</th>
          <th>Status</th>
          <th>Progress</th>
          <th>Method</th>
          <th class="number">Trained</th>
          <th class="number">Accuracy</th>
          <th>Created</th>
        </tr>
      </thead>
      <tbody>
        {items.map((training) => (
          <TrainingRow
            key={training.id}
            training={training}
            onToggle={onToggle}
            isChosen={chosen.includes(training.id)}
            isFull={chosen.length >= MAX_CURVES}
          />
        ))}
      </tbody>
    </table>
  </div>
)

interface TrainingRowProps {
  training: Training
  isChosen: boolean
  isFull: boolean
  onToggle?: (id: string) => void
}

function TrainingRow({ training, isChosen, isFull, onToggle }: TrainingRowProps) {
  const { id, name, method, plan, result, created_at } = training
  const title = name ?? method
  const accuracy = readMetrics(result?.metrics)?.accuracy
  return (
    <tr>
      {onToggle && (
        <td class="check">
          <input
            type="checkbox"
            aria-label={`Show the curve of ${title}`}
            checked={isChosen}
            disabled={!isChosen && isFull}
            onClick={() => onToggle(id)}
          />
        </td>
      )}
      <td class="name">
        <a href={pathTo('trainings', id)}>{title}</a>
      </td>
      <td>
        <Status of={training} />
      </td>
      <td class="wide">
        <RowProgress training={training} />
      </td>
      <td>{method}</td>
      <td class="number">{plan && formatShort(plan.trainable)}</td>
      <td class="number">{accuracy !== undefined && formatPercent(accuracy)}</td>
      <td class="quiet nowrap">{formatAge(created_at)}</td>
    </tr>
  )
}

function RowProgress({ training: { status, progress, result, error } }: { training: Training }) {
  if (status === 'failed') return <span class="quiet clip">{error?.title}</span>
  if (status === 'succeeded') return <span class="quiet">took {formatDuration(Number(result?.seconds ?? 0))}</span>
  if (!progress || status === 'cancelled') return null
  const { step, total_steps, seconds_left } = progress
  return (
    <span class="with-bar">
      <Progress share={step / total_steps} label="Progress" />
      <span class="quiet nowrap">
        {step} of {total_steps}
        {status === 'running' && `, ${formatDuration(seconds_left)} left`}
      </span>
    </span>
  )
}
