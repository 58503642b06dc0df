import { firstOf, useInterval, useLoad } from '../load.ts'
import { PageHead } from '../parts/head.tsx'
import { QuickTry } from '../parts/quick-try.tsx'
import { LoadedView } from '../parts/states.tsx'
import { graft, may } from '../session.ts'
import { AdapterTable } from './adapters.tsx'
import { TrainingTable } from './trainings.tsx'

const MAX_SHOWN = 5
const UPDATE_MS = 5000

async function load() {
  const [adapters, trainings, datasets] = await Promise.all([
    firstOf(graft.adapters.list(), MAX_SHOWN),
    may('train') ? firstOf(graft.trainings.list(), MAX_SHOWN) : [],
    may('train') ? firstOf(graft.datasets.list(), 1) : [],
  ])
  return { adapters, trainings, hasData: datasets.length > 0 }
}

/** The newest trainings and adapters, and a place to try them. */
export function HomePage() {
  const loaded = useLoad(load)
  const isBusy = loaded.value?.trainings.some(({ status }) => status === 'running' || status === 'queued') ?? false
  useInterval(loaded.reload, UPDATE_MS, isBusy)
  return (
    <>
      <PageHead title="Overview" />
      <LoadedView loaded={loaded}>
        {({ adapters, trainings, hasData }) => (
          <>
            {adapters.length > 0 && <QuickTry adapters={adapters} />}
            {may('train') && trainings.length === 0 && (
              <ol class="steps">
                <li class={hasData ? 'done' : ''}>
                  <a href="/data/new">Add labeled reviews</a>
                  <span class="quiet">a CSV, TSV or JSON lines file</span>
                </li>
                <li>
                  <a href="/trainings/new">Launch a training</a>
                  <span class="quiet">see its cost first</span>
                </li>
                <li>
                  <a href="/playground">Try it, and compare</a>
                  <span class="quiet">side by side with others</span>
                </li>
              </ol>
            )}
            {trainings.length > 0 && (
              <section>
                <div class="section-head">
                  <h2>Trainings</h2>
                  <a href="/trainings">All trainings</a>
                </div>
                <TrainingTable items={trainings} />
              </section>
            )}
            {adapters.length > 0 && (
              <section>
                <div class="section-head">
                  <h2>Adapters</h2>
                  <a href="/adapters">All adapters</a>
                </div>
                <AdapterTable items={adapters} />
              </section>
            )}
          </>
        )}
      </LoadedView>
    </>
  )
}
