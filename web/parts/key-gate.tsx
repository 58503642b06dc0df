import { useState } from 'hono/jsx/dom'
import { enterKey } from '../session.ts'
import { ProblemBox } from './problem.tsx'

/** Asks for the key that the server wants. */
export function KeyGate({ error }: { error?: unknown }) {
  const [isSending, setSending] = useState(false)
  const submit = (event: Event) => {
    event.preventDefault()
    const key = String(new FormData(event.target as HTMLFormElement).get('key')).trim()
    setSending(true)
    void enterKey(key).finally(() => setSending(false))
  }
  return (
    <main class="gate">
      <h1>Graft</h1>
      <p>
        This server needs a key. The one who runs it creates one with <code>graft key create</code>.
      </p>
      {error !== undefined && <ProblemBox error={error} />}
      <form onSubmit={submit}>
        <label class="field">
          <span>Key</span>
          <input name="key" type="password" required autocomplete="off" spellcheck={false} placeholder="graft_…" />
        </label>
        <button type="submit" class="primary" disabled={isSending}>
          Continue
        </button>
      </form>
      <p class="quiet">The key stays in this tab and is forgotten when you close it.</p>
    </main>
  )
}
