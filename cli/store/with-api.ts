import { type Api, type ApiOptions, connectApi, findRunningServer } from './api.ts'

/** Opens the API, runs the work and closes the API. */
export async function withApi<T>(work: (api: Api) => Promise<T>, options: ApiOptions = {}): Promise<T> {
  const api = await openApi(options)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

/**
 * Connects to the server at GRAFT_URL, or to the one that serves GRAFT_HOME. If none is running, opens the store in
 * this process.
 * @throws GraftError `server_unreachable` if GRAFT_URL does not respond, or another code if the store cannot be opened
 */
async function openApi(options: ApiOptions): Promise<Api> {
  const url = process.env.GRAFT_URL || (await findRunningServer())
  if (url) return connectApi(url)
  return (await import('./local-api.ts')).openLocalApi(options)
}
