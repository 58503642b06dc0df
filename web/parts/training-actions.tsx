import { useState } from 'hono/jsx/dom'
import type { Training } from '../../client/client.ts'
import { pathTo } from '../router.ts'
import { graft, may } from '../session.ts'
import { ConfirmButton } from './confirm.tsx'
import { ProblemBox } from './problem.tsx'

interface TrainingActionsProps {
  training: Training
  onChange: () => void
}

/** Pauses, resumes or cancels a training, or leads to what it made. */
export function TrainingActions({ training, onChange }: TrainingActionsProps) {
  const { id, status, pausing, adapter } = training
  const [error, setError] = useState<unknown>(undefined)
  const [isBusy, setBusy] = useState(false)
  const act = (action: (id: string) => Promise<unknown>) => () => {
    setBusy(true)
    setError(undefined)
    action(id)
      .then(onChange, setError)
      .finally(() => setBusy(false))
  }
  const isActive = status === 'queued' || status === 'running'
  return (
    <>
      {may('train') && isActive && (
        <button type="button" disabled={isBusy || pausing} onClick={act(graft.trainings.pause)}>
          {pausing ? 'Pausing …' : 'Pause'}
        </button>
      )}
      {may('train') && status === 'paused' && (
        <button type="button" class="primary" disabled={isBusy} onClick={act(graft.trainings.resume)}>
          Resume
        </button>
      )}
      {may('train') && (isActive || status === 'paused') && (
        <ConfirmButton
          label="Cancel"
          title="Cancel this training?"
          onConfirm={async () => {
            await graft.trainings.cancel(id)
            onChange()
          }}
        >
          <p>It stops at once, and its saved state is not kept. To continue it later, pause it instead.</p>
        </ConfirmButton>
      )}
      {adapter && (
        <>
          <a class="button" href={pathTo('adapters', adapter)}>
            Adapter
          </a>
          <a class="button primary" href={`/playground?adapters=${encodeURIComponent(adapter)}`}>
            Try it
          </a>
        </>
      )}
      {error !== undefined && <ProblemBox error={error} />}
    </>
  )
}
