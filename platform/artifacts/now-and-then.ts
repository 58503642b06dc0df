export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** Makes work that is done when it is first asked for, and then again no sooner than after so many milliseconds. */
export function atMostEvery(milliseconds: number, work: () => Promise<void>): () => Promise<void> {
  let next = 0
  return async () => {
    if (Date.now() < next) return
    next = Date.now() + milliseconds
    await work()
  }
}
