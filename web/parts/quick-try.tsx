import type { Adapter } from '../../client/client.ts'
import { navigate } from '../router.ts'

/** A field for a review, which the playground then shows. */
export function QuickTry({ adapters }: { adapters: readonly Adapter[] }) {
  const submit = (event: Event) => {
    event.preventDefault()
    const text = String(new FormData(event.target as HTMLFormElement).get('text'))
    const ids = adapters.slice(0, 3).map(({ id }) => id)
    navigate(`/playground?${new URLSearchParams({ adapters: ids.join(','), text })}`)
  }
  return (
    <form class="quick" onSubmit={submit}>
      <input
        name="text"
        aria-label="A review"
        required
        maxlength={2000}
        placeholder="Type a review, such as: A joy from start to finish."
      />
      <button type="submit" class="primary">
        Classify
      </button>
    </form>
  )
}
