import { useSyncExternalStore } from 'hono/jsx/dom'

const listeners = new Set<() => void>()
const notify = () => {
  for (const listener of listeners) listener()
}
addEventListener('popstate', notify)

/** Returns the path and the query of the page, and renders again when they change. */
export function useAddress(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => location.pathname + location.search,
  )
}

/** Shows another page. The back button returns to this one, unless `replace` is true. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', to)
  else {
    history.pushState(null, '', to)
    scrollTo(0, 0)
  }
  notify()
  // Keyboards and screen readers continue at the new page, not in the navigation.
  if (!replace) document.getElementById('main')?.focus({ preventScroll: true })
}

/** Lets clicks on links between pages change the page without loading it again. */
export function interceptLinks(): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    // A link within the page, such as the one that skips the navigation.
    if (link.hash !== '' || !isPage(link.pathname)) return
    event.preventDefault()
    navigate(link.pathname + link.search)
  })
}

const SECTIONS = new Set(['', 'trainings', 'data', 'adapters', 'compare', 'playground'])

const isPage = (path: string): boolean => SECTIONS.has(path.split('/')[1])

/** Returns a path of pages with the parts encoded: `pathTo('adapters', id)`. */
export const pathTo = (...parts: string[]): string => `/${parts.map(encodeURIComponent).join('/')}`

/** Returns the query of the address. */
export const queryOf = (address: string): URLSearchParams => new URL(address, location.origin).searchParams
