import type { Child } from 'hono/jsx/dom'
import { useRef, useState } from 'hono/jsx/dom'
import { ProblemBox } from './problem.tsx'

interface ConfirmButtonProps {
  /** The words on the button, and on the one that confirms. */
  label: string
  title: string
  class?: string
  onConfirm: () => Promise<void>
  /** The consequences. */
  children: Child
}

/** A button that asks before it acts. The dialog stays open with the error if the action fails. */
export function ConfirmButton({ label, title, class: own = '', onConfirm, children }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const open = () => {
    setError(undefined)
    dialog.current?.showModal()
  }
  const confirm = () => {
    setBusy(true)
    onConfirm()
      .then(() => dialog.current?.close(), setError)
      .finally(() => setBusy(false))
  }
  return (
    <>
      <button type="button" class={own} onClick={open}>
        {label} …
      </button>
      <dialog ref={dialog} aria-label={title}>
        <h2>{title}</h2>
        <div>{children}</div>
        {error !== undefined && <ProblemBox error={error} />}
        <p class="actions end">
          <button type="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
          <button type="button" class="danger" disabled={isBusy} onClick={confirm}>
            {label}
          </button>
        </p>
      </dialog>
    </>
  )
}
