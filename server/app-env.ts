import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'

/** What the server gives with a request, and what is noted of it on its way. */
export interface Env {
  /** Absent where a request is made within the process. */
  Bindings: { incoming?: IncomingMessage; closing?: AbortSignal } | undefined
  Variables: {
    id: string
    /** The address of the route as it is declared, not as it was asked for. */
    route?: string
    owner?: string
    rows?: number
    /** Of the problem that was answered. */
    code?: string
  }
}

/** Where the connection came from; undefined within the process. */
export const addressOf = (c: Context<Env>): string | undefined => c.env?.incoming?.socket.remoteAddress
