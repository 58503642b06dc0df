import { useEffect, useState } from 'hono/jsx/dom'
import type { DatasetCheck } from '../../client/client.ts'
import { type FileHead, readHead } from '../file-head.ts'
import { randomName } from '../format.ts'
import { type ColumnChoice, ColumnPreview } from '../parts/column-preview.tsx'
import { DatasetCheckView } from '../parts/dataset-check.tsx'
import { DropZone } from '../parts/drop-zone.tsx'
import { PageHead } from '../parts/head.tsx'
import { ProblemBox } from '../parts/problem.tsx'
import { UploadProgress } from '../parts/upload-progress.tsx'
import { NAME_RULES, resourceName } from '../resource-name.ts'
import { navigate, pathTo } from '../router.ts'
import { graftThrough } from '../session.ts'
import { sendWithProgress } from '../upload.ts'

type Work = { doing: 'checking' | 'storing'; sent: number } | undefined

/** Adds a file of reviews: its columns, what the server finds in it, and then the upload. */
export function NewDatasetPage() {
  const [file, setFile] = useState<File | undefined>(undefined)
  const [head, setHead] = useState<FileHead | undefined>(undefined)
  const [columns, setColumns] = useState<ColumnChoice>({})
  const [skipsBad, setSkipsBad] = useState(false)
  const [name, setName] = useState('')
  const [check, setCheck] = useState<DatasetCheck | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [work, setWork] = useState<Work>(undefined)
  const [requestKey] = useState(randomName)

  const reading = { text_column: columns.text, label_column: columns.label, ...(skipsBad && { skip_bad: true }) }
  const send = (doing: 'checking' | 'storing', signal: AbortSignal) =>
    graftThrough(sendWithProgress((sent) => setWork((before) => before && { doing, sent }), signal))

  const take = (chosen: File) => {
    setFile(chosen)
    setColumns({})
    setHead(undefined)
    setName(nameOf(chosen.name))
    readHead(chosen).then(setHead, () => {})
  }
  useEffect(() => {
    if (!file) return
    const stop = new AbortController()
    const isCurrent = () => !stop.signal.aborted
    setCheck(undefined)
    setError(undefined)
    setWork({ doing: 'checking', sent: 0 })
    send('checking', stop.signal)
      .datasets.check(nameOf(file.name), file, reading)
      .then(
        (found) => isCurrent() && setCheck(found),
        (reason) => isCurrent() && setError(reason),
      )
      .finally(() => isCurrent() && setWork(undefined))
    return () => stop.abort()
  }, [file, columns, skipsBad])

  const store = (event: Event) => {
    event.preventDefault()
    if (!file) return
    setError(undefined)
    setWork({ doing: 'storing', sent: 0 })
    send('storing', new AbortController().signal)
      .datasets.upload(name, file, { ...reading, idempotencyKey: `${requestKey}-${name}` })
      .then(({ id }) => navigate(pathTo('data', id), { replace: true }), setError)
      .finally(() => setWork(undefined))
  }
  return (
    <>
      <PageHead title="Add data" up={{ path: '/data', name: 'Data' }} />
      <DropZone
        label="File of reviews"
        prompt="Drop a file of labeled reviews here, or choose one"
        hint="CSV, TSV, JSON lines, a JSON array or fastText; plain or .gz, up to 256 MiB"
        accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.gz"
        file={file}
        onFile={take}
      />
      {file && (
        <>
          {work && (
            <UploadProgress
              sent={work.sent}
              then={work.doing === 'checking' ? 'The server reads every line' : 'Storing'}
            />
          )}
          {error !== undefined && <ProblemBox error={error} />}
          {head && (
            <ColumnPreview
              head={head}
              columns={{ text: columns.text ?? check?.columns?.text, label: columns.label ?? check?.columns?.label }}
              onChoose={setColumns}
            />
          )}
          <label class="choice">
            <input type="checkbox" checked={skipsBad} onClick={() => setSkipsBad(!skipsBad)} />
            Leave out rows that cannot be read
          </label>
          {check && <DatasetCheckView check={check} />}
          <form class="panel submit" onSubmit={store}>
            <label class="field">
              <span>Name of the data set</span>
              <input
                name="name"
                required
                {...NAME_RULES}
                value={name}
                onInput={(event: Event) => setName((event.target as HTMLInputElement).value)}
              />
            </label>
            <button type="submit" class="primary" disabled={!check || work !== undefined}>
              Store it
            </button>
          </form>
        </>
      )}
    </>
  )
}

/** Returns a name for a data set, from the name of its file. */
const nameOf = (filename: string): string =>
  resourceName(filename.replace(/\.(gz|jsonl|ndjson|json|csv|tsv|txt)/gi, '')) || 'reviews'
