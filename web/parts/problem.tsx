import { GraftError } from '../../client/client.ts'
import { catalogue } from '../../core/catalogue.ts'
import { describeProblem } from '../../core/errors.ts'
import { isKeyError, signOut } from '../session.ts'

/** The parts of a problem that people need: what happened, and how to fix it. */
interface Described {
  title: string
  detail: string
  fix?: string
}

interface ProblemBoxProps {
  /** An error of a call, or a problem as the API stores it. */
  error: unknown
  onRetry?: () => void
}

/** Says what happened and how to fix it. */
export function ProblemBox({ error, onRetry }: ProblemBoxProps) {
  const { title, detail, fix } = describe(error)
  return (
    <div class="problem" role="alert">
      <strong>{title}</strong>
      {detail && <p>{detail}</p>}
      {fix && <p class="fix">{fix}</p>}
      {(onRetry || (error instanceof GraftError && isKeyError(error))) && (
        <p class="actions">
          {onRetry && (
            <button type="button" onClick={onRetry}>
              Try again
            </button>
          )}
          {error instanceof GraftError && isKeyError(error) && (
            <button type="button" onClick={signOut}>
              Enter another key
            </button>
          )}
        </p>
      )}
    </div>
  )
}

function describe(error: unknown): Described {
  if (error instanceof GraftError && error.code === 'server_unreachable')
    return {
      title: 'The server cannot be reached',
      detail: describeProblem(error.detail),
      fix: 'Check that it still runs (graft serve) and that this machine is online, then try again.',
    }
  if (error instanceof GraftError)
    return { title: catalogue[error.code].title, detail: describeProblem(error.detail), fix: error.detail.fix }
  const fields = error as Partial<Record<'title' | 'detail' | 'fix' | 'message', unknown>> | null
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return {
    title: text(fields?.title) ?? 'Something went wrong',
    detail: text(fields?.detail) ?? text(fields?.message) ?? String(error),
    fix: text(fields?.fix),
  }
}
