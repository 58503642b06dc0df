import { fork } from 'node:child_process'
import { entryFile } from '../../core/entry.ts'
import { fail, fromPlain, type PlainError } from '../../core/errors.ts'
import type { Metrics } from '../../training/metrics.ts'
import type { EvaluationRequest } from '../use-cases/evaluate.ts'

/** What the child says, once. */
export type EvaluationAnswer = { metrics: Metrics } | { error: PlainError }

/**
 * Measures an adapter in a process of its own: reading and tokenising would block this one.
 * @param kill ends it
 * @throws GraftError what it failed of; `evaluation_failed` where it ended without a word
 */
export async function evaluateInChild(request: EvaluationRequest, kill: AbortSignal): Promise<Metrics> {
  const answer = await new Promise<EvaluationAnswer | undefined>((resolve, reject) => {
    const child = fork(entryFile('platform/jobs/evaluate-child'), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    let told: EvaluationAnswer | undefined
    const end = () => child.kill('SIGKILL')
    kill.addEventListener('abort', end)
    child.on('message', (message: EvaluationAnswer) => {
      told = message
    })
    child.on('error', reject)
    const settle = () => {
      kill.removeEventListener('abort', end)
      resolve(told)
    }
    child.on('exit', () => (child.connected ? child.once('disconnect', settle) : settle()))
    child.send(request, () => {})
    if (kill.aborted) end()
  })
  if (!answer)
    fail('evaluation_failed', {
      subject: 'the evaluating process',
      expected: 'to run to its end',
      found: 'its end before that',
      mend: 'It may have run out of memory; try fewer threads.',
    })
  if ('error' in answer) throw fromPlain(answer.error)
  return answer.metrics
}
