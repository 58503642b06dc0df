import { fail, fromPlain, type PlainError } from '../../core/errors.ts'
import type { ComparisonRequest } from '../offline/compare.ts'
import type { EvaluationRequest } from '../offline/evaluate.ts'
import { startChild } from '../offline/start-child.ts'
import type { Finding, ShortWorkKind } from '../store/short-work.ts'

/** What each kind of short work is asked, in folders and files of this machine. */
export interface ShortWorkRequests {
  evaluation: EvaluationRequest
  comparison: ComparisonRequest
}

/** What the child is asked, once. */
export type Asked = { [K in ShortWorkKind]: { kind: K; request: ShortWorkRequests[K] } }[ShortWorkKind]
/** What it says, once. */
export type Said = { found: Finding<ShortWorkKind> } | { error: PlainError }

/**
 * Does it in a process of its own: reading and tokenising would block this one.
 * @param kill ends it
 * @throws GraftError what it failed of; `evaluation_failed`, `comparison_failed` where it ended without a word
 */
export async function doInChild<K extends ShortWorkKind>(
  kind: K,
  request: ShortWorkRequests[K],
  kill: AbortSignal,
): Promise<Finding<K>> {
  const said: Said[] = []
  await startChild('platform/worker/short-work-child', { kind, request }, (word: Said) => void said.push(word), kill)
    .ended
  const [answer] = said
  if (!answer)
    fail(`${kind}_failed`, {
      subject: `the process of the ${kind}`,
      expected: 'to run to its end',
      found: 'its end before that',
      fix: 'It may have run out of memory; try fewer threads.',
    })
  if ('error' in answer) throw fromPlain(answer.error)
  return answer.found as Finding<K>
}
