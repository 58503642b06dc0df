import { useSyncExternalStore } from 'hono/jsx/dom'
import { type Client, connectGraft, GraftError } from '../client/client.ts'

/** The key lives as long as the tab. Other tabs and later visits do not get it. */
const STORAGE_NAME = 'graft-key'

export type Scope = Awaited<ReturnType<Client['caller']>>['scopes'][number]

export type Session =
  | { state: 'opening' }
  /** The server has keys and wants one. */
  | { state: 'locked'; error?: GraftError }
  /** The server did not say who this is. */
  | { state: 'failed'; error: unknown }
  | { state: 'open'; scopes: readonly Scope[]; hasKey: boolean }

let session: Session = { state: 'opening' }
const listeners = new Set<() => void>()

function setSession(next: Session): void {
  session = next
  for (const listener of listeners) listener()
}

export const useSession = (): Session =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => session,
  )

const connect = (options: { fetch?: (url: URL, init: RequestInit) => Promise<Response> } = {}): Client =>
  connectGraft({ url: location.origin, apiKey: sessionStorage.getItem(STORAGE_NAME) ?? undefined, ...options })

/** The client of this server, with the key of the session. */
export let graft: Client = connect()

/** Returns a client that sends its requests in another way, with the same key. */
export const graftThrough = (send: (url: URL, init: RequestInit) => Promise<Response>): Client =>
  connect({ fetch: send })

/** Asks the server what the session may do. */
export async function openSession(): Promise<void> {
  setSession({ state: 'opening' })
  try {
    const { scopes, key } = await graft.caller()
    setSession({ state: 'open', scopes, hasKey: key !== undefined })
  } catch (error) {
    if (!(error instanceof GraftError) || !isKeyError(error)) return setSession({ state: 'failed', error })
    const hadKey = sessionStorage.getItem(STORAGE_NAME) !== null
    forgetKey()
    setSession({ state: 'locked', ...(hadKey && { error }) })
  }
}

/** Returns whether another key would help. */
export const isKeyError = ({ code }: GraftError): boolean =>
  code === 'key_required' || code === 'key_invalid' || code === 'scope_missing'

export async function enterKey(key: string): Promise<void> {
  sessionStorage.setItem(STORAGE_NAME, key)
  graft = connect()
  await openSession()
}

export function signOut(): void {
  forgetKey()
  setSession({ state: 'locked' })
}

function forgetKey(): void {
  sessionStorage.removeItem(STORAGE_NAME)
  graft = connect()
}

/** Returns whether the session may do what needs this scope. */
export function may(scope: Scope): boolean {
  return session.state === 'open' && session.scopes.includes(scope)
}
