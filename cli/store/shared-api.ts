import { setTimeout as delay } from 'node:timers/promises'
import { makeClient } from '../../client/resources.ts'
import { GraftError } from '../../core/errors.ts'
import { unlessAborted } from '../../core/unless-aborted.ts'
import { graftHome } from '../../platform/store/open-store.ts'
import { type Api, connectApi } from './api.ts'
import type { LeadOptions } from './lead-home.ts'
import { findRunningServer, isReserved, reserveAddress } from './server-address.ts'

/** An API of the store that survives the process that has the store open. */
export interface SharedApi extends Api {
  /** Opens the store, or finds the process that has it open, before the first request needs it. */
  open(): Promise<void>
}

interface SharedApiOptions extends LeadOptions {
  /** Receives a sentence when another process, or this one, starts to do the work. */
  onChange(sentence: string): void
}

/** The API that requests are sent to until its process ends. */
interface Link {
  api: Api
  /** Resolves if the process may have ended. Never resolves for this process, or for a server that runs on its own. */
  ended: Promise<void>
}

const LOOK_INTERVAL_MS = 100
const WATCH_INTERVAL_MS = 1000
const NEVER = new Promise<never>(() => {})

/**
 * Shares the store of a home between processes that start and end in any order: one opens it and does the work of all,
 * and when it ends, another takes over. A running server, or the one at GRAFT_URL, comes first.
 */
export function shareApi({ onChange, ...lead }: SharedApiOptions): SharedApi {
  const closing = new AbortController()
  let link: Promise<Link> | undefined

  const connect = (): Promise<Link> => {
    if (link) return link
    const connecting = findOrLead({ ...lead, onChange, signal: closing.signal })
    link = connecting
    const forget = () => {
      if (link === connecting) link = undefined
    }
    connecting.then(
      ({ ended }) =>
        ended.then(() => {
          if (closing.signal.aborted) return
          forget()
          // The next one to lead continues the trainings, whether or not a client calls.
          connect().catch(() => {})
        }),
      forget,
    )
    return connecting
  }

  const send: Api['send'] = async (path, init) => {
    for (;;) {
      const connecting = connect()
      const { api } = await unlessAborted(connecting, init?.signal ?? undefined)
      try {
        return await api.send(path, init)
      } catch (error) {
        if (process.env.GRAFT_URL || !isRefused(error)) throw error
        if (link === connecting) link = undefined
      }
    }
  }
  return {
    open: async () => void (await connect()),
    ...makeClient(send),
    async close() {
      closing.abort()
      const opened = await link?.catch(() => undefined)
      await opened?.api.close()
    },
  }
}

/** Returns whether nothing received the request, because its server has ended. */
const isRefused = (error: unknown): boolean =>
  error instanceof GraftError && ((error.cause as Error)?.cause as { code?: string })?.code === 'ECONNREFUSED'

async function findOrLead({ onChange, signal, ...lead }: SharedApiOptions & { signal: AbortSignal }): Promise<Link> {
  if (process.env.GRAFT_URL) return { api: connectApi(process.env.GRAFT_URL), ended: NEVER }
  const home = graftHome()
  for (;;) {
    signal.throwIfAborted()
    const server = await findRunningServer(home)
    if (server) {
      onChange(`Serving the tools of ${server.url}`)
      // A server that was started on its own is awaited, because it may only restart.
      const ended = server.key === undefined ? NEVER : waitForEnd(home, signal)
      return { api: connectApi(server.url, server.key), ended }
    }
    const reservation = reserveAddress(home)
    if (reservation) {
      onChange('No server is running. Using the store in this process.')
      const { leadHome } = await import('./lead-home.ts')
      return { api: await leadHome(home, reservation, lead), ended: NEVER }
    }
    await delay(LOOK_INTERVAL_MS, undefined, { signal })
  }
}

/** Waits until the process that leads a home has ended. */
async function waitForEnd(home: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isReserved(home)) await delay(WATCH_INTERVAL_MS, undefined, { ref: false })
}
