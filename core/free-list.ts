/** A pool of items, each used by one caller at a time. If all are in use, callers wait in order. */
export interface FreeList<T> {
  acquire(): Promise<T>
  release(item: T): void
}

/** Makes a free list in which every item is free. */
export function makeFreeList<T>(items: Iterable<T>): FreeList<T> {
  const free = [...items]
  const waiting: ((item: T) => void)[] = []
  return {
    acquire: () =>
      new Promise((resolve) => {
        if (free.length > 0) resolve(free.shift() as T)
        else waiting.push(resolve)
      }),
    release(item) {
      const next = waiting.shift()
      if (next) next(item)
      else free.push(item)
    },
  }
}
