import { useState } from 'hono/jsx/dom'
import type { Adapter } from '../../../client/client.ts'
import { countOf } from '../../format.ts'
import { firstOf, useLoad } from '../../load.ts'
import { AdapterPicker } from '../../parts/adapter-picker.tsx'
import { ProblemBox } from '../../parts/problem.tsx'
import { LoadedView } from '../../parts/states.tsx'
import { navigate, pathTo } from '../../router.ts'
import { graft } from '../../session.ts'
import './compare.css'

const MAX_OPTIONS = 200
/** The limit of the API. */
const MAX_COMPARED = 8

/** Chooses adapters, pipelines and reviews, and starts their comparison. */
export function NewComparison() {
  const loaded = useLoad(() => firstOf(graft.datasets.list(), MAX_OPTIONS))
  const [chosen, setChosen] = useState<readonly Adapter[]>([])
  const [models, setModels] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [isBusy, setBusy] = useState(false)

  const pipelines = models
    .split(/\s+/)
    .filter((model) => model !== '')
    .map((model) => ({ model }))
  const count = chosen.length + pipelines.length
  const isValid = chosen.length > 0 && count >= 2 && count <= MAX_COMPARED
  const start = (event: Event) => {
    event.preventDefault()
    const dataset = String(new FormData(event.target as HTMLFormElement).get('dataset') ?? '')
    setError(undefined)
    setBusy(true)
    graft.comparisons
      .start({ adapters: chosen.map(({ id }) => id), dataset, ...(pipelines.length > 0 && { pipelines }) })
      .then(({ id }) => navigate(pathTo('compare', id)), setError)
      .finally(() => setBusy(false))
  }
  return (
    <section class="panel" aria-labelledby="new-comparison">
      <h2 id="new-comparison">New comparison</h2>
      <LoadedView loaded={loaded}>
        {(datasets) =>
          datasets.length === 0 ? (
            <p>
              A comparison needs reviews that no adapter was trained on. <a href="/data/new">Add some</a>.
            </p>
          ) : (
            <form onSubmit={start}>
              <AdapterPicker
                help={`2 to ${MAX_COMPARED}. The first one that you choose is the one in use: differences are later minus earlier.`}
                chosen={chosen}
                isFull={count >= MAX_COMPARED}
                onChoose={setChosen}
              />
              <div class="field">
                <label for="compare-data">Reviews</label>
                <select id="compare-data" name="dataset" required>
                  {datasets.map(({ id, name, rows }) => (
                    <option key={id} value={id}>
                      {name} ({countOf(rows, 'review')})
                    </option>
                  ))}
                </select>
                <small>Labeled reviews that none of them was trained on.</small>
              </div>
              <details>
                <summary>Pipelines of transformers.js</summary>
                <div class="field">
                  <label for="compare-pipelines">Names on the hub</label>
                  <input
                    id="compare-pipelines"
                    value={models}
                    autocomplete="off"
                    spellcheck={false}
                    placeholder="OWNER/NAME"
                    onInput={(event: Event) => setModels((event.target as HTMLInputElement).value)}
                  />
                  <small>With spaces between them. Only servers that allow pipelines run them.</small>
                </div>
              </details>
              <p class="actions">
                <button type="submit" class="primary" disabled={!isValid || isBusy}>
                  Compare
                </button>
              </p>
            </form>
          )
        }
      </LoadedView>
      {error !== undefined && <ProblemBox error={error} />}
    </section>
  )
}
