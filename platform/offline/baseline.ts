import { fail, fromPlain } from '../../core/errors.ts'
import type { BaselineResult } from '../../training/baseline/baseline.ts'
import type { BaselineAnswer, BaselineRequest } from '../../training/baseline/child.ts'
import { askChild } from './start-child.ts'

/**
 * Trains and measures the baseline, TF-IDF with a logistic regression, in a child process, because it computes for
 * minutes.
 * @param kill kills the process
 * @throws GraftError the error of the data; `training_failed` if the process exits early
 */
export async function runBaseline(
  request: BaselineRequest,
  kill: AbortSignal,
): Promise<{ result: BaselineResult; seconds: number }> {
  const answer = await askChild<BaselineAnswer>('training/baseline/child', { ...request }, kill)
  if (!answer)
    fail('training_failed', {
      subject: 'the process of the TF-IDF baseline',
      problem: 'exited before it finished',
      fix: 'It may have run out of memory. Write tfidf: false to leave out the baseline.',
    })
  if ('error' in answer) throw fromPlain(answer.error)
  return answer
}
