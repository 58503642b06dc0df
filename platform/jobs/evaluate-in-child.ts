import { fail, fromPlain, type PlainError } from '../../core/errors.ts'
import type { Metrics } from '../../training/metrics.ts'
import { startChild } from '../start-child.ts'
import type { EvaluationRequest } from '../use-cases/evaluate.ts'

/** What the child says, once. */
export type EvaluationAnswer = { metrics: Metrics } | { error: PlainError }

/**
 * Measures an adapter in a process of its own: reading and tokenising would block this one.
 * @param kill ends it
 * @throws GraftError what it failed of; `evaluation_failed` where it ended without a word
 */
export async function evaluateInChild(request: EvaluationRequest, kill: AbortSignal): Promise<Metrics> {
  const answers: EvaluationAnswer[] = []
  const hear = (answer: EvaluationAnswer) => void answers.push(answer)
  await startChild('platform/jobs/evaluate-child', { ...request }, hear, kill).ended
  const [answer] = answers
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
