import { useState } from 'hono/jsx/dom'
import type { Adapter, Alias } from '../../client/client.ts'
import { formatPercent } from '../format.ts'
import { firstOf, useLoad } from '../load.ts'
import { promote } from '../promotion.ts'
import { graft } from '../session.ts'
import { ProblemBox } from './problem.tsx'
import { LoadedView, Loading } from './states.tsx'

const MAX_OPTIONS = 200

interface PromoteProps {
  adapter: Adapter
  onChange: () => void
}

/** Points an alias to an adapter. A guarded alias moves only if a comparison shows that the adapter is not worse. */
export function Promote({ adapter, onChange }: PromoteProps) {
  const loaded = useLoad(async () => {
    const [aliases, datasets] = await Promise.all([
      firstOf(graft.aliases.list(), MAX_OPTIONS),
      firstOf(graft.datasets.list(), MAX_OPTIONS),
    ])
    return { aliases, datasets }
  }, adapter.id)
  const [name, setName] = useState('')
  const [stage, setStage] = useState<string | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [done, setDone] = useState<Alias | undefined>(undefined)

  const submit = (current: Alias | undefined) => (event: Event) => {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    const margin = Number(form.get('margin')) / 100
    setError(undefined)
    setDone(undefined)
    setStage('Moving the alias')
    promote(
      {
        alias: name,
        adapter,
        current,
        dataset: String(form.get('dataset') ?? ''),
        margin: form.has('margin') ? margin : undefined,
      },
      setStage,
    )
      .then((alias) => {
        setDone(alias)
        loaded.reload()
        onChange()
      }, setError)
      .finally(() => setStage(undefined))
  }
  return (
    <section class="panel">
      <h2>Promote</h2>
      <p class="quiet">Callers name an alias, such as production, and get the adapter that it points to.</p>
      <LoadedView loaded={loaded}>
        {({ aliases, datasets }) => {
          const current = aliases.find((one) => one.name === name)
          const guard = current && current.adapter.id !== adapter.id ? current.guard : undefined
          const options = guard?.dataset ? datasets.filter(({ id }) => id === guard.dataset) : datasets
          return (
            <form onSubmit={submit(current)}>
              <div class="field">
                <label for="alias">Alias</label>
                <input
                  id="alias"
                  name="alias"
                  list="aliases"
                  required
                  maxlength={100}
                  autocomplete="off"
                  value={name}
                  placeholder="production"
                  onInput={(event: Event) => setName((event.target as HTMLInputElement).value)}
                />
                <datalist id="aliases">
                  {aliases.map((one) => (
                    <option key={one.name} value={one.name}>
                      {one.adapter.name}
                    </option>
                  ))}
                </datalist>
                <small>
                  {current
                    ? `Points to ${current.adapter.name}${current.guard ? `, guarded: may lose at most ${formatPercent(current.guard.margin)} of accuracy` : ''}.`
                    : 'A new name creates the alias.'}
                </small>
              </div>
              {guard && (
                <div class="field">
                  <label for="guard-data">Compare on</label>
                  <select id="guard-data" name="dataset" required>
                    {options.map(({ id, name: dataset }) => (
                      <option key={id} value={id}>
                        {dataset}
                      </option>
                    ))}
                  </select>
                  <small>
                    Reviews that neither adapter was trained on. The alias moves only if this one is not worse.
                  </small>
                </div>
              )}
              {!current && name !== '' && (
                <div class="field">
                  <label for="margin">Guard: largest loss of accuracy, in points</label>
                  <input id="margin" name="margin" type="number" min={0} max={100} step="any" value="1" required />
                  <small>Later moves need a comparison that rules out a greater loss.</small>
                </div>
              )}
              <p class="actions">
                <button
                  type="submit"
                  class="primary"
                  disabled={stage !== undefined || current?.adapter.id === adapter.id}
                >
                  {guard ? 'Compare and promote' : 'Promote'}
                </button>
              </p>
            </form>
          )
        }}
      </LoadedView>
      <div aria-live="polite">
        {stage && <Loading what={stage} />}
        {error !== undefined && <ProblemBox error={error} />}
        {done && (
          <p class="ok">
            {done.name} points to {done.adapter.name} now.
          </p>
        )}
      </div>
    </section>
  )
}
