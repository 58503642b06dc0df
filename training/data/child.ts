// The process that reads an uploaded data set, so that its memory is bounded and reading does not block the server. Its
// stdin is the file. It receives one message, sends one answer, and exits; it also exits with its parent.
import type { PlainError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { UPLOAD_LIMITS } from './limits.ts'
import { makePreview, type Preview } from './preview.ts'
import type { Reading } from './reading.ts'
import { type ExampleCounts, scanExamples } from './scan-examples.ts'

/** The one message that the process receives. */
export interface ScanRequest {
  /** The name of the data set in errors. */
  name: string
  reading: Reading
}

export type ScanAnswer = { counts: ExampleCounts; preview: Preview } | { error: PlainError }

const STDIN = 0

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (request: ScanRequest) => void handle(request))

async function handle({ name, reading }: ScanRequest): Promise<void> {
  const preview = makePreview()
  const answer: ScanAnswer = await scanExamples(
    name,
    { ...reading, fd: STDIN, limits: UPLOAD_LIMITS },
    preview.add,
  ).then(
    (counts) => ({ counts, preview: preview.finish(counts.labels) }),
    (error) => ({ error: toPlain(error) }),
  )
  process.send?.(answer, undefined, undefined, () => process.exit())
}
