import { useEffect } from 'hono/jsx/dom'
import type { Training } from '../../client/client.ts'
import { formatAge, formatDuration, formatPercent, formatShort, formatTime } from '../format.ts'
import { type Loaded, useLoad } from '../load.ts'
import { nameOfBase, nameOfDataset } from '../names.ts'
import type { PageProps } from '../page.ts'
import { Chart } from '../parts/chart.tsx'
import { Facts } from '../parts/facts.tsx'
import { PageHead } from '../parts/head.tsx'
import { Progress } from '../parts/meter.tsx'
import { ProblemBox } from '../parts/problem.tsx'
import { LoadedView, Status } from '../parts/states.tsx'
import { Tile } from '../parts/tile.tsx'
import { TrainingActions } from '../parts/training-actions.tsx'
import { PlanFacts, PlanFindings } from '../parts/training-plan.tsx'
import { TrainingResult } from '../parts/training-result.tsx'
import { pathTo } from '../router.ts'
import { graft } from '../session.ts'
import { type Connection, type Story, useStory } from '../training-story.ts'

interface Shown {
  training: Training
  base?: string
  dataset?: string
  test?: string
}

async function load(id: string): Promise<Shown> {
  const training = await graft.trainings.get(id)
  const [base, dataset, test] = await Promise.all([
    nameOfBase(training.base),
    nameOfDataset(training.dataset),
    nameOfDataset(training.test_dataset),
  ])
  return { training, base, dataset, test }
}

/** One training, live. */
export function TrainingPage({ params: { id } }: PageProps) {
  const loaded = useLoad(() => load(id), id)
  const { story, connection } = useStory(id)
  useEffect(() => {
    if (story.changes > 0 || connection.state === 'ended') loaded.reload()
  }, [story.changes, connection.state])
  return (
    <LoadedView loaded={loaded} title="Training">
      {(shown) => <TrainingView shown={shown} story={story} connection={connection} reload={loaded.reload} />}
    </LoadedView>
  )
}

interface TrainingViewProps {
  shown: Shown
  story: Story
  connection: Connection
  reload: Loaded<Shown>['reload']
}

function TrainingView({ shown, story, connection, reload }: TrainingViewProps) {
  const { training, base, dataset, test } = shown
  const { plan, result, error, settings, metadata } = training
  const link = (id: string | undefined, name: string | undefined) =>
    id && (name ? <a href={pathTo('data', id)}>{name}</a> : 'deleted')
  return (
    <>
      <PageHead
        title={training.name ?? training.method}
        up={{ path: '/trainings', name: 'Trainings' }}
        aside={<Status of={training} />}
        actions={<TrainingActions training={training} onChange={reload} />}
      />
      {connection.state === 'reconnecting' && (
        <p class="notice" role="status">
          The server does not answer. Reconnecting …
        </p>
      )}
      {connection.state === 'failed' && <ProblemBox error={connection.error} />}
      {error && <ProblemBox error={error} />}
      <LiveProgress training={training} story={story} />
      {result && <TrainingResult training={training} />}
      <div class="columns two">
        <Chart title="Loss" curves={[{ name: 'loss', points: story.loss }]} format={(value) => value.toFixed(3)} />
        {(story.accuracy.length > 0 || (settings.evaluate_every !== undefined && !training.finished_at)) && (
          <Chart
            title="Accuracy on test data"
            curves={[{ name: 'accuracy', points: accuracyOf(story, training) }]}
            format={(value) => formatPercent(value)}
            marks
          />
        )}
      </div>
      <div class="columns two">
        <section class="panel">
          <h2>Training</h2>
          <Facts
            facts={[
              ['Method', training.method],
              ['Base', base],
              ['Data', link(training.dataset, dataset)],
              ['Test data', link(training.test_dataset, test)],
              ['Created', <time datetime={training.created_at}>{formatTime(training.created_at)}</time>],
              ['Started', training.started_at && formatAge(training.started_at)],
              ['Ended', training.finished_at && formatAge(training.finished_at)],
              ['Parts', training.slices > 1 ? training.slices : undefined],
              ...Object.entries(metadata ?? {}),
            ]}
          />
          <details>
            <summary>All settings</summary>
            <Facts class="mono" facts={Object.entries(settings).map(([name, value]) => [name, toText(value)])} />
          </details>
        </section>
        {plan && (
          <section class="panel">
            <h2>Plan</h2>
            <PlanFacts plan={plan} />
            <PlanFindings plan={plan} />
          </section>
        )}
      </div>
    </>
  )
}

/** Returns the accuracies on the way, and the one at the end. */
function accuracyOf({ accuracy }: Story, { result, plan }: Training): Story['accuracy'] {
  const steps = Number(result?.steps ?? plan?.steps)
  if (accuracy.length === 0) return accuracy
  if (typeof result?.accuracy !== 'number' || accuracy.at(-1)?.[0] === steps) return accuracy
  return [...accuracy, [steps, result.accuracy]]
}

const toText = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

function LiveProgress({ training, story }: { training: Training; story: Story }) {
  const { status, plan } = training
  if (status === 'succeeded' || status === 'failed' || status === 'cancelled') return null
  const { progress = training.progress && { ...training.progress, steps: training.progress.total_steps } } = story
  const waiting = status === 'queued' ? 'Waits for a worker' : status === 'paused' ? 'Paused' : 'Prepares the data'
  if (!progress) return <p class="quiet live">{story.stage ?? waiting} …</p>
  const isRunning = status === 'running'
  return (
    <section class="panel live" aria-label="Progress">
      <Progress share={progress.step / progress.steps} label="Progress of the training" />
      <div class="tiles">
        <Tile name="Step" value={`${progress.step} of ${progress.steps}`} />
        <Tile name="Loss" value={progress.loss.toFixed(3)} />
        <Tile name="Reviews per second" value={isRunning ? progress.reviews_per_second.toFixed(0) : '–'} />
        <Tile name="Time left" value={isRunning ? formatDuration(progress.seconds_left) : waiting} />
        {plan && <Tile name="Trained parameters" value={formatShort(plan.trainable)} />}
      </div>
    </section>
  )
}
