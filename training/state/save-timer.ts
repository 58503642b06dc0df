/**
 * After a save, training continues for at least this many times as long as the save took, whatever `save_seconds` is.
 * So saving takes at most about 5 % of the time.
 */
const SAVE_INTERVAL_FACTOR = 20

/** Starts a timer that says when the next state is due. */
export function startSaveTimer(saveSeconds: number) {
  let next = performance.now() + 1000 * saveSeconds
  return {
    isDue: (): boolean => performance.now() >= next,
    /** @param start the time at which the save that has ended began */
    restart(start: number): void {
      const now = performance.now()
      next = now + Math.max(1000 * saveSeconds, SAVE_INTERVAL_FACTOR * (now - start))
    },
  }
}
