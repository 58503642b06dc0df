import { fromPlain, type PlainError } from '../../core/errors.ts'
import type { ComparisonRequest } from '../offline/compare.ts'
import type { EvaluationRequest } from '../offline/evaluate.ts'
import { askChild, earlyExitError } from '../offline/start-child.ts'
import type { ShortWorkKind, ShortWorkResult } from '../store/short-work.ts'

/** The request of each kind of short work, with paths of this machine. */
export interface ShortWorkRequests {
  evaluation: EvaluationRequest
  comparison: ComparisonRequest
}

/** The one message that the child process receives. */
export type ShortWorkMessage = { [K in ShortWorkKind]: { kind: K; request: ShortWorkRequests[K] } }[ShortWorkKind]
/** The one message that the child process sends. */
export type ShortWorkAnswer = { found: ShortWorkResult<ShortWorkKind> } | { error: PlainError }

/**
 * Evaluates or compares adapters in a child process, because reading and tokenizing would block this one.
 * @param kill kills the process
 * @throws GraftError the error of the child process; `evaluation_failed` or `comparison_failed` if it exits without an
 *   answer
 */
export async function runShortWorkProcess<K extends ShortWorkKind>(
  kind: K,
  request: ShortWorkRequests[K],
  kill: AbortSignal,
): Promise<ShortWorkResult<K>> {
  const answer = await askChild<ShortWorkAnswer>('platform/worker/short-work-child', { kind, request }, kill)
  if (!answer) throw earlyExitError(`${kind}_failed`, kind)
  if ('error' in answer) throw fromPlain(answer.error)
  return answer.found as ShortWorkResult<K>
}
