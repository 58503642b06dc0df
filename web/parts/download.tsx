import { useState } from 'hono/jsx/dom'
import type { Adapter } from '../../client/client.ts'
import { graft } from '../session.ts'
import { ProblemBox } from './problem.tsx'

/** Downloads the folder of an adapter as a tar file. A plain link could not send the key. */
export function DownloadButton({ adapter: { id, name } }: { adapter: Adapter }) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const download = async () => {
    const content = await (await graft.adapters.download(id)).blob()
    const link = document.createElement('a')
    link.href = URL.createObjectURL(content)
    link.download = `${name}.tar`
    link.click()
    // The browser has taken the file when the event has been handled.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }
  return (
    <>
      <button
        type="button"
        disabled={isBusy}
        onClick={() => {
          setBusy(true)
          setError(undefined)
          download()
            .catch(setError)
            .finally(() => setBusy(false))
        }}
      >
        {isBusy ? 'Downloading …' : 'Download'}
      </button>
      {error !== undefined && <ProblemBox error={error} />}
    </>
  )
}
