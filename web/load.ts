import { useEffect, useRef, useState } from 'hono/jsx/dom'

export interface Loaded<T> {
  value?: T
  error?: unknown
  isLoading: boolean
  /** Loads again. The value stays until the next one has arrived. */
  reload(): void
}

/**
 * Loads a value and renders again once it has arrived.
 * @param key the value is loaded again if this changes
 */
export function useLoad<T>(load: () => Promise<T>, key = ''): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: unknown }>({ key })
  const [round, setRound] = useState(0)
  useEffect(() => {
    let isCurrent = true
    load().then(
      (value) => isCurrent && setState({ key, value }),
      (error) => isCurrent && setState((before) => ({ ...(before.key === key && before), key, error })),
    )
    return () => {
      isCurrent = false
    }
  }, [key, round])
  const isCurrent = state.key === key
  return {
    ...(isCurrent && { value: state.value, error: state.error }),
    isLoading: !isCurrent || (state.value === undefined && state.error === undefined),
    reload: () => setRound((n) => n + 1),
  }
}

export interface Paged<T> {
  items: readonly T[]
  error?: unknown
  isLoading: boolean
  /** True if the server has no more items. */
  isComplete: boolean
  loadMore(): void
  /** Replaces items that have changed. */
  replace(changed: (item: T) => T): void
}

export const PAGE_SIZE = 100

/**
 * Loads a list a page at a time, by the cursor of the API.
 * @param key the list starts again if this changes
 */
export function usePages<T>(list: () => AsyncGenerator<T, void, undefined>, key = ''): Paged<T> {
  const [state, setState] = useState<{ items: T[]; isComplete: boolean; error?: unknown }>({
    items: [],
    isComplete: false,
  })
  const [isLoading, setLoading] = useState(true)
  const source = useRef<AsyncGenerator<T, void, undefined> | null>(null)
  const read = (from: AsyncGenerator<T, void, undefined>) => {
    setLoading(true)
    take(from, PAGE_SIZE)
      .then(
        ({ items, isComplete }) =>
          source.current === from && setState((before) => ({ items: [...before.items, ...items], isComplete })),
        (error) => source.current === from && setState((before) => ({ ...before, error, isComplete: true })),
      )
      .finally(() => source.current === from && setLoading(false))
  }
  useEffect(() => {
    const fresh = list()
    source.current = fresh
    setState({ items: [], isComplete: false })
    read(fresh)
    return () => {
      source.current = null
    }
  }, [key])
  return {
    ...state,
    isLoading,
    loadMore: () => source.current && read(source.current),
    replace: (changed) => setState((before) => ({ ...before, items: before.items.map(changed) })),
  }
}

/** Takes at most so many items from a list, and knows whether it is complete by the first one that is missing. */
async function take<T>(from: AsyncGenerator<T, void, undefined>, count: number) {
  const items: T[] = []
  while (items.length < count) {
    const { value, done } = await from.next()
    if (done) return { items, isComplete: true }
    items.push(value)
  }
  return { items, isComplete: false }
}

/** Returns the first items of a list. */
export async function firstOf<T>(from: AsyncGenerator<T, void, undefined>, count: number): Promise<T[]> {
  return (await take(from, count)).items
}

/** Calls a function at an interval while a condition holds and the page is visible. */
export function useInterval(call: () => void, milliseconds: number, isActive: boolean): void {
  const latest = useRef(call)
  latest.current = call
  useEffect(() => {
    if (!isActive) return
    const timer = setInterval(() => document.visibilityState === 'visible' && latest.current?.(), milliseconds)
    return () => clearInterval(timer)
  }, [isActive, milliseconds])
}
