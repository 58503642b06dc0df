import { type Api, type ApiOptions, remote, runningServer } from './api.ts'

/** Opens the API, works with it, and closes it in the end. */
export async function withApi<T>(work: (api: Api) => Promise<T>, options: ApiOptions = {}): Promise<T> {
  const api = await openApi(options)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

/**
 * Finds the server: GRAFT_URL, else the one that serves GRAFT_HOME. Where there is none, this process opens the store and answers itself.
 * @throws GraftError `server_unreachable` for a GRAFT_URL at which none answers; what is wrong with the store
 */
async function openApi(options: ApiOptions): Promise<Api> {
  const asked = process.env.GRAFT_URL
  const url = asked || (await runningServer())
  if (url) return remote(url)
  return (await import('./own-api.ts')).openOwnApi(options)
}
