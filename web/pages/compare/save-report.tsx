import { useState } from 'hono/jsx/dom'
import { ProblemBox } from '../../parts/problem.tsx'
import { graft } from '../../session.ts'

/** Saves the report as a page that needs no server. A plain link could not send the key. */
export function SaveReport({ id }: { id: string }) {
  const [error, setError] = useState<unknown>(undefined)
  const save = async () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([await graft.comparisons.report(id)], { type: 'text/html' }))
    link.download = `comparison-${id}.html`
    link.click()
    // The browser has taken the file when the event has been handled.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }
  return (
    <>
      <button
        type="button"
        onClick={() => {
          setError(undefined)
          save().catch(setError)
        }}
      >
        Save the report
      </button>
      {error !== undefined && <ProblemBox error={error} />}
    </>
  )
}
