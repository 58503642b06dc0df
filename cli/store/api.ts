import { connectGraft } from '../../client/client.ts'
import type { Client } from '../../client/resources.ts'

/** The HTTP API that every command on the store uses, of a running server or within this process. */
export interface Api extends Client {
  /** The address of the server. Not set if this process is the server. */
  readonly url?: string
  close(): Promise<void>
}

export interface ApiOptions {
  /** True to run trainings in this process if no server is running. Defaults to false. */
  worker?: boolean
  threads?: number
  /** The base if no server is running: its folder or its name on the hub. Defaults to the embedded base. */
  base?: string
  /** Seconds that a training in this process runs before the next one gets its turn. */
  sliceSeconds?: number
}

/**
 * Returns the API of a server.
 * @param key defaults to GRAFT_API_KEY
 */
export function connectApi(url: string, key: string | undefined = process.env.GRAFT_API_KEY): Api {
  return { ...connectGraft({ url, apiKey: key }), url, close: async () => {} }
}
