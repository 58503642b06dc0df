/**
 * Runs work with a signal that aborts when the outer signal does or when the time is up, whichever comes first.
 * @param milliseconds the time. If not set, it never ends
 * @param makeError makes the reason for which the signal aborts when the time is up
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  milliseconds: number | undefined,
  makeError: () => Error,
  outer?: AbortSignal,
): Promise<T> {
  outer?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = () => controller.abort(outer?.reason)
  outer?.addEventListener('abort', onAbort, { once: true })
  const timer = milliseconds === undefined ? undefined : setTimeout(() => controller.abort(makeError()), milliseconds)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', onAbort)
  }
}
