import { graftHome } from '../../platform/store/open-store.ts'
import { type Api, type ApiOptions, connectApi } from './api.ts'
import { findRunningServer } from './server-address.ts'

/** Opens the API, runs the work and closes the API. */
export async function withApi<T>(work: (api: Api) => Promise<T>, options: ApiOptions = {}): Promise<T> {
  const api = await openApi(options)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

/** Returns whether a server runs that was started on its own: at GRAFT_URL, or for GRAFT_HOME. */
export async function isServerRunning(): Promise<boolean> {
  if (process.env.GRAFT_URL) return true
  const server = await findRunningServer(graftHome())
  // One with a key is a `graft mcp`, which works for the other processes of its user as well.
  return server !== undefined && server.key === undefined
}

/**
 * Connects to the server at GRAFT_URL, or to the one that serves GRAFT_HOME. If none is running, opens the store in
 * this process.
 * @throws GraftError `server_unreachable` if GRAFT_URL does not respond, or another code if the store cannot be opened
 */
async function openApi(options: ApiOptions): Promise<Api> {
  if (process.env.GRAFT_URL) return connectApi(process.env.GRAFT_URL)
  const server = await findRunningServer(graftHome())
  if (server) return connectApi(server.url, server.key)
  return (await import('./local-api.ts')).openLocalApi(options)
}
