import { openPlatform } from '../../platform/open-platform.ts'
import type { Platform } from '../../platform/platform.ts'
import { startWorker } from '../../platform/worker/worker.ts'
import { appOf } from '../app.ts'
import { type Api, type ApiOptions, answered } from './api.ts'

/** The same API within this process, for as long as no server has the store. */
export async function openOwnApi({ worker: wanted = false, threads }: ApiOptions): Promise<Api> {
  const platform = await openPlatform({ threads })
  try {
    const worker = wanted ? await startWorker({ ...platform, threads }) : undefined
    const close = async () => {
      await worker?.close()
      await platform.close()
    }
    return { ...(await apiOf(platform)), close }
  } catch (error) {
    await platform.close()
    throw error
  }
}

/** The API over a platform that is open. Whoever has that may do everything, so no key is asked for. */
export async function apiOf(platform: Platform): Promise<Api> {
  const app = await appOf(platform)
  const send: Api['send'] = async (path, init = {}) => {
    const headers = new Headers(init.headers)
    headers.set('host', 'localhost')
    return app.request(`http://localhost${path}`, { ...init, headers })
  }
  return {
    send,
    request: async (path, init) => answered(await send(path, init)),
    close: async () => {},
  }
}
