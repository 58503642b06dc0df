import { formatPercent } from '../format.ts'
import { useLoad } from '../load.ts'
import type { PageProps } from '../page.ts'
import { Chart } from '../parts/chart.tsx'
import { PageHead } from '../parts/head.tsx'
import { LoadedView, Status } from '../parts/states.tsx'
import { pathTo, queryOf } from '../router.ts'
import { graft } from '../session.ts'
import { readStory } from '../training-story.ts'

const MAX_CURVES = 6

const up = { path: '/trainings', name: 'Trainings' }

async function load(ids: readonly string[]) {
  return Promise.all(ids.map(async (id) => ({ training: await graft.trainings.get(id), story: await readStory(id) })))
}

/** The curves of several trainings over each other. */
export function CurvesPage({ address }: PageProps) {
  const ids = (queryOf(address).get('ids') ?? '').split(',').filter(Boolean).slice(0, MAX_CURVES)
  return ids.length > 0 ? (
    <Curves ids={ids} />
  ) : (
    <>
      <PageHead title="Curves" up={up} />
      <p class="empty">
        Choose trainings in the <a href="/trainings">list</a> to see their curves here.
      </p>
    </>
  )
}

function Curves({ ids }: { ids: readonly string[] }) {
  const loaded = useLoad(() => load(ids), ids.join(','))
  return (
    <>
      <PageHead
        title="Curves"
        up={up}
        actions={
          <button type="button" onClick={loaded.reload}>
            Refresh
          </button>
        }
      />
      <LoadedView loaded={loaded}>
        {(all) => {
          const named = all.map(({ training, story }) => ({ name: training.name ?? training.id, story }))
          return (
            <>
              <Chart
                title="Loss"
                curves={named.map(({ name, story }) => ({ name, points: story.loss }))}
                format={(value) => value.toFixed(3)}
              />
              {named.some(({ story }) => story.accuracy.length > 0) && (
                <Chart
                  title="Accuracy on test data"
                  curves={named.map(({ name, story }) => ({ name, points: story.accuracy }))}
                  format={(value) => formatPercent(value)}
                  marks
                />
              )}
              <ul class="plain">
                {all.map(({ training }, i) => (
                  <li key={training.id}>
                    <span class={`key series-${i}`} aria-hidden="true" />{' '}
                    <a href={pathTo('trainings', training.id)}>{training.name ?? training.id}</a>{' '}
                    <Status of={training} />
                  </li>
                ))}
              </ul>
            </>
          )
        }}
      </LoadedView>
    </>
  )
}
