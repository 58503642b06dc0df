/** Things of which each is used by one at a time; who comes when all are taken waits in line. */
export interface FreeList<T> {
  take(): Promise<T>
  give(item: T): void
}

export function freeList<T>(items: Iterable<T>): FreeList<T> {
  const free = [...items]
  const waiting: ((item: T) => void)[] = []
  return {
    take: () =>
      new Promise((resolve) => {
        if (free.length > 0) resolve(free.shift() as T)
        else waiting.push(resolve)
      }),
    give(item) {
      const next = waiting.shift()
      if (next) next(item)
      else free.push(item)
    },
  }
}
