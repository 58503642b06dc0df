import { makeTurns } from '../core/turns.ts'

/** The order in which requests are parsed and begun on the one thread that does so. */
export interface FairTurns {
  /** Resolves when it is the requester's turn. */
  wait(requester: string): Promise<void>
}

interface Waiting {
  readonly client: string
  readonly begin: () => void
}

/**
 * Lets one request begin at a time, with input and output between two of them. The requester that has used the least
 * time is next, so one with few and small requests hardly waits for those of others.
 */
export function makeFairTurns(): FairTurns {
  const turns = makeTurns()
  const waiting = new Set<Waiting>()
  let isBusy = false
  const beginNext = () => {
    const next = turns.next(waiting)
    if (!next) {
      isBusy = false
      return
    }
    waiting.delete(next)
    const start = performance.now()
    next.begin()
    setImmediate(() => {
      turns.charge(next.client, performance.now() - start)
      turns.leave(next.client)
      beginNext()
    })
  }
  return {
    wait: (client) =>
      new Promise((resolve) => {
        turns.enter(client)
        waiting.add({ client, begin: resolve })
        if (isBusy) return
        isBusy = true
        setImmediate(beginNext)
      }),
  }
}
