import { useState } from 'hono/jsx/dom'

interface DropZoneProps {
  /** A name of the file for screen readers. */
  label: string
  /** Shown while there is no file: what to drop, and of which kinds. */
  prompt: string
  hint: string
  /** The endings of the files that the browser offers. */
  accept: string
  file?: File
  onFile: (file: File) => void
}

/** Takes a file that is dropped or chosen. */
export function DropZone({ label, prompt, hint, accept, file, onFile }: DropZoneProps) {
  const [isOver, setOver] = useState(false)
  const take = (files: FileList | null | undefined) => {
    const [first] = files ?? []
    if (first) onFile(first)
  }
  return (
    <label
      class={`drop ${isOver ? 'over' : ''}`}
      onDragOver={(event: DragEvent) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event: DragEvent) => {
        event.preventDefault()
        setOver(false)
        take(event.dataTransfer?.files)
      }}
    >
      <input
        type="file"
        aria-label={label}
        accept={accept}
        onChange={(event: Event) => take((event.target as HTMLInputElement).files)}
      />
      <strong>{file ? file.name : prompt}</strong>
      <span class="quiet">{file ? 'Drop another one to replace it.' : hint}</span>
    </label>
  )
}
