/**
 * The order in which clients are served: the one that has used least is next, so that no client waits for all the work
 * of another, and one that asks for little hardly waits. A client that arrives is taken to have used as much as the one
 * that was served last: what it did not use earlier does not count. This is start-time fair queueing (Goyal, Vin and
 * Cheng 1997, IEEE/ACM Transactions on Networking 5(5)).
 */
export interface Turns {
  /** Counts a piece of work of a client. */
  enter(client: string): void
  /** Removes a piece of work that {@link enter} counted. */
  leave(client: string): void
  /**
   * Returns the work of the client that is next, the first one if it has several.
   * @param waiting work that {@link enter} has counted, in the order of arrival
   */
  next<T extends { readonly client: string }>(waiting: Iterable<T>): T | undefined
  /** The number of clients with work that waits. */
  readonly waitingClients: number
  /** Returns whether a client has used at most this much more than the one that was next last. */
  isDue(client: string, margin: number): boolean
  /** Counts what a client has used, in any unit. Called before its work leaves. */
  charge(client: string, cost: number): void
}

interface Client {
  /** Pieces of work that have entered. */
  count: number
  used: number
}

export function makeTurns(): Turns {
  /** The use of the client that was served last, before that. */
  let clock = 0
  /** Clients with work, and those that have used more than the clock shows. */
  const clients = new Map<string, Client>()
  return {
    enter(client) {
      const known = clients.get(client)
      if (!known) clients.set(client, { count: 1, used: clock })
      else if (known.count++ === 0) known.used = Math.max(known.used, clock)
    },
    leave(client) {
      const known = clients.get(client)
      if (known && --known.count === 0 && known.used <= clock) clients.delete(client)
    },
    next<T extends { readonly client: string }>(waiting: Iterable<T>) {
      let first: T | undefined
      let least = Number.POSITIVE_INFINITY
      for (const work of waiting) {
        const { used } = clients.get(work.client) as Client
        if (used < least) [first, least] = [work, used]
      }
      if (!first) return undefined
      clock = Math.max(clock, least)
      for (const [name, { count, used }] of clients) if (count === 0 && used <= clock) clients.delete(name)
      return first
    },
    get waitingClients() {
      let waiting = 0
      for (const { count } of clients.values()) if (count > 0) waiting++
      return waiting
    },
    isDue: (client, margin) => (clients.get(client)?.used ?? clock) <= clock + margin,
    charge(client, cost) {
      const known = clients.get(client)
      if (known) known.used += cost
    },
  }
}
