import { unlessAborted } from './unless-aborted.ts'

/**
 * A pool of items, each used by one caller at a time. If all are in use, callers wait in order. Of the free items, the
 * first one in the order of the list is used.
 */
export interface FreeList<T> {
  /** @param signal aborts to stop waiting */
  acquire(signal?: AbortSignal): Promise<T>
  release(item: T): void
  /** The number of items that nobody uses. */
  readonly free: number
}

/** Makes a free list in which every item is free. */
export function makeFreeList<T>(items: Iterable<T>): FreeList<T> {
  const all = [...items]
  const free = [...all]
  const waiting: ((item: T) => void)[] = []
  const release = (item: T) => {
    const next = waiting.shift()
    if (next) next(item)
    else {
      free.push(item)
      free.sort((a, b) => all.indexOf(a) - all.indexOf(b))
    }
  }
  return {
    async acquire(signal) {
      signal?.throwIfAborted()
      if (free.length > 0) return free.shift() as T
      const { promise, resolve } = Promise.withResolvers<T>()
      waiting.push(resolve)
      try {
        return await unlessAborted(promise, signal)
      } catch (error) {
        const place = waiting.indexOf(resolve)
        if (place >= 0) waiting.splice(place, 1)
        // The caller got the item at the moment when it stopped waiting.
        else void promise.then(release)
        throw error
      }
    },
    release,
    get free() {
      return free.length
    },
  }
}
