import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'

/** Returns whether the signal to close came from a limit of time (`AbortSignal.timeout`). */
export const isOutOfTime = ({ reason }: AbortSignal): boolean =>
  reason instanceof DOMException && reason.name === 'TimeoutError'

/**
 * Returns the error of work that the limit interrupted before it had anything to save. It counts as a failed attempt;
 * otherwise, work that never fits into the time would be repeated forever.
 * @param work names it, such as `the evaluation`
 */
export const outOfTimeError = (code: ErrorCode, work: string): GraftError =>
  new GraftError(code, {
    subject: work,
    problem: 'did not fit into the time that its worker had',
    fix: 'Run it on a worker without such a limit, or on a faster one, or measure on fewer reviews.',
  })
