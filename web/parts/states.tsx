import type { Child } from 'hono/jsx/dom'
import type { Training } from '../../client/client.ts'
import type { Loaded, Paged } from '../load.ts'
import { PageHead } from './head.tsx'
import { ProblemBox } from './problem.tsx'

/** Says that something is loading, after a moment, so that fast answers do not flash. */
export const Loading = ({ what = 'Loading' }: { what?: string }) => (
  <p class="loading" role="status">
    {what} …
  </p>
)

interface LoadedViewProps<T> {
  loaded: Loaded<T>
  /** The title of the page while there is no value, if the value has the title otherwise. */
  title?: string
  children: (value: T) => Child
}

/** Shows a loaded value, or that it is loading, or why it cannot be loaded. */
export function LoadedView<T>({ loaded, title, children }: LoadedViewProps<T>) {
  const { value, error, isLoading, reload } = loaded
  return (
    <>
      {value === undefined && title && <PageHead title={title} />}
      {error !== undefined && <ProblemBox error={error} onRetry={reload} />}
      {value !== undefined ? children(value) : isLoading && <Loading />}
    </>
  )
}

interface PagedViewProps<T> {
  paged: Paged<T>
  /** The name of the items, in the plural. */
  what: string
  /** Shown if the list is empty: what to do. */
  empty: Child
  children: (items: readonly T[]) => Child
}

/** Shows the pages of a list so far, and a button for the next one. */
export function PagedView<T>({ paged, what, empty, children }: PagedViewProps<T>) {
  const { items, error, isLoading, isComplete, loadMore } = paged
  return (
    <>
      {items.length > 0 && children(items)}
      {items.length === 0 && isComplete && error === undefined && <div class="empty">{empty}</div>}
      {error !== undefined && <ProblemBox error={error} />}
      {isLoading ? (
        <Loading />
      ) : (
        !isComplete && (
          <p class="more">
            <button type="button" onClick={loadMore}>
              Show more {what}
            </button>
          </p>
        )
      )}
    </>
  )
}

/** The status of a piece of work, as a word with a dot. */
export function Status({ of }: { of: { status: Training['status']; pausing?: boolean } }) {
  const word = of.pausing && of.status === 'running' ? 'pausing' : of.status
  return (
    <span class={`status ${of.status}`}>
      <span class="dot" aria-hidden="true" />
      {word}
    </span>
  )
}
