import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'

/**
 * The types of the values that the server passes along with a request, and of those that it records for the request.
 */
export interface AppEnv {
  /**
   * Not set if the request is made within the process. `shutdown` aborts when the server starts to shut down; `sent`
   * resolves when the response has been sent or the connection is closed.
   */
  Bindings: { incoming?: IncomingMessage; shutdown?: AbortSignal; sent?: Promise<void> } | undefined
  Variables: {
    requestId: string
    /** The path of the route as it is declared, not as it was requested. */
    route?: string
    owner?: string
    rows?: number
    /** The code of the problem that was returned. */
    errorCode?: string
  }
}

/** Returns the address that the connection came from; undefined within the process. */
export const remoteAddressOf = (c: Context<AppEnv>): string | undefined => c.env?.incoming?.socket.remoteAddress
