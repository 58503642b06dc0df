/** Returns a function that does the work when it is first called, and then at most once per interval. */
export function throttle(intervalMs: number, work: () => Promise<void>): () => Promise<void> {
  let nextAt = 0
  return async () => {
    if (Date.now() < nextAt) return
    nextAt = Date.now() + intervalMs
    await work()
  }
}
