import { useEffect, useState } from 'hono/jsx/dom'
import type { Adapter } from '../../client/client.ts'
import { formatCount } from '../../core/format-count.ts'
import { countOf } from '../format.ts'
import { usePages } from '../load.ts'
import { graft } from '../session.ts'
import { ProblemBox } from './problem.tsx'

/** The adapters that are shown at once. */
const MAX_SHOWN = 100
/** Without a field for a search, so many adapters are easy to look through. */
const FEW = 8

interface AdapterPickerProps {
  /** Says how many to choose, and what their order means. */
  help: string
  /** The chosen adapters, in the order in which they were chosen. */
  chosen: readonly Adapter[]
  /** True if no more can be chosen. */
  isFull: boolean
  onChoose: (chosen: readonly Adapter[]) => void
}

/**
 * Chooses among all adapters of a server, however many. It shows the newest ones; a search by name reads the other
 * pages of the list as well. Chosen adapters stay in sight.
 */
export function AdapterPicker({ help, chosen, isFull, onChoose }: AdapterPickerProps) {
  const { items, isLoading, isComplete, error, loadMore } = usePages(() => graft.adapters.list())
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  useEffect(() => {
    if (wanted !== '' && !isComplete && !isLoading) loadMore()
  }, [wanted, isComplete, isLoading])

  const isChosen = ({ id }: Adapter) => chosen.some((one) => one.id === id)
  const toggle = (adapter: Adapter) =>
    onChoose(isChosen(adapter) ? chosen.filter(({ id }) => id !== adapter.id) : [...chosen, adapter])
  const found = items.filter(({ name }) => name.toLowerCase().includes(wanted))
  const shown = found.slice(0, MAX_SHOWN)
  const options = [...chosen.filter(({ id }) => !shown.some((one) => one.id === id)), ...shown]
  return (
    <fieldset class="field choices">
      <legend>Adapters</legend>
      <small>{help}</small>
      {items.length > FEW && (
        <input
          type="search"
          aria-label="Find an adapter by name"
          aria-describedby="adapters-found"
          placeholder="Find by name"
          autocomplete="off"
          spellcheck={false}
          value={search}
          onInput={(event: Event) => setSearch((event.target as HTMLInputElement).value)}
          onKeyDown={(event: KeyboardEvent) => {
            // Enter would submit the form.
            if (event.key === 'Enter') event.preventDefault()
          }}
        />
      )}
      <div class="options">
        {options.map((adapter) => (
          <label key={adapter.id} class="choice">
            <input
              type="checkbox"
              checked={isChosen(adapter)}
              disabled={isFull && !isChosen(adapter)}
              onClick={() => toggle(adapter)}
            />
            {isChosen(adapter) && <span class="tag">{chosen.findIndex(({ id }) => id === adapter.id) + 1}</span>}
            <span>{adapter.name}</span>{' '}
            {adapter.aliases.map((alias) => (
              <span key={alias} class="tag">
                {`${alias} `}
              </span>
            ))}
            <small>{adapter.method}</small>
          </label>
        ))}
      </div>
      <small id="adapters-found" role="status">
        {wanted === ''
          ? !isComplete && `The newest ${formatCount(shown.length)} are shown. Find others by their names.`
          : isComplete
            ? `${formatCount(found.length)} of ${countOf(items.length, 'adapter')}${found.length > MAX_SHOWN ? `, of which ${MAX_SHOWN} are shown` : ''}`
            : `Searching: ${formatCount(found.length)} so far …`}
      </small>
      {error !== undefined && <ProblemBox error={error} />}
    </fieldset>
  )
}
