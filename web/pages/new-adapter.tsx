import { useState } from 'hono/jsx/dom'
import { randomName } from '../format.ts'
import { DropZone } from '../parts/drop-zone.tsx'
import { PageHead } from '../parts/head.tsx'
import { ProblemBox } from '../parts/problem.tsx'
import { UploadProgress } from '../parts/upload-progress.tsx'
import { NAME_RULES, resourceName } from '../resource-name.ts'
import { navigate, pathTo } from '../router.ts'
import { graftThrough } from '../session.ts'
import { sendWithProgress } from '../upload.ts'

/** Adds an adapter from an archive of its folder. */
export function NewAdapterPage() {
  const [file, setFile] = useState<File | undefined>(undefined)
  const [name, setName] = useState('')
  const [sent, setSent] = useState<number | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [requestKey, setRequestKey] = useState(randomName)

  const take = (chosen: File) => {
    setFile(chosen)
    setName(nameOf(chosen.name))
    setError(undefined)
    setRequestKey(randomName())
  }
  const store = (event: Event) => {
    event.preventDefault()
    if (!file) return
    setError(undefined)
    setSent(0)
    graftThrough(sendWithProgress(setSent, new AbortController().signal))
      .adapters.upload(name, file, { idempotencyKey: `${requestKey}-${name}` })
      .then(({ id }) => navigate(pathTo('adapters', id), { replace: true }), setError)
      .finally(() => setSent(undefined))
  }
  return (
    <>
      <PageHead title="Add an adapter" up={{ path: '/adapters', name: 'Adapters' }} />
      <p>
        A tar file of a folder that Graft, PEFT, AdapterHub or OpenDelta has saved. The server checks it against its
        base before it stores it. To pack a folder: <code>tar -czf adapter.tar.gz -C FOLDER .</code>
      </p>
      <DropZone
        label="Archive of an adapter"
        prompt="Drop the archive of an adapter here, or choose one"
        hint="A tar file, plain or .gz"
        accept=".tar,.gz,.tgz"
        file={file}
        onFile={take}
      />
      {sent !== undefined && <UploadProgress sent={sent} then="The server unpacks and checks it" />}
      {error !== undefined && <ProblemBox error={error} />}
      {file && (
        <form class="panel submit" onSubmit={store}>
          <label class="field">
            <span>Name of the adapter</span>
            <input
              name="name"
              required
              {...NAME_RULES}
              value={name}
              onInput={(event: Event) => setName((event.target as HTMLInputElement).value)}
            />
          </label>
          <button type="submit" class="primary" disabled={sent !== undefined}>
            Store it
          </button>
        </form>
      )}
    </>
  )
}

/** Returns a name for an adapter, from the name of its archive. */
const nameOf = (filename: string): string => resourceName(filename.replace(/\.(tar|tgz|gz)/gi, '')) || 'adapter'
