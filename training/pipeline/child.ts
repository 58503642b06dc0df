// The process that runs a pipeline of transformers.js. It receives one request, sends its progress and one answer, and
// exits; it also exits with its parent.
import type { PlainError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { type PipelineRequest, runPipeline } from './pipeline.ts'

/** A message of the process. The last one has the probabilities of each text, or an error. */
export type PipelineMessage = { done: number } | { probabilities: number[][] } | { error: PlainError }

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (request: PipelineRequest) => void handle(request))

const send = (message: PipelineMessage, onSent?: () => void) =>
  process.send?.(message, undefined, undefined, () => onSent?.())

async function handle(request: PipelineRequest): Promise<void> {
  const answer = await runPipeline(request, (done) => send({ done })).then(
    (probabilities): PipelineMessage => ({ probabilities }),
    (error): PipelineMessage => ({ error: toPlain(error) }),
  )
  send(answer, () => process.exit())
}
