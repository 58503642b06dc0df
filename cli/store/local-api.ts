import { makeClient } from '../../client/resources.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import type { Platform } from '../../platform/platform.ts'
import { addReadyAdapter } from '../../platform/use-cases/ready-adapter.ts'
import { startWorker } from '../../platform/worker/worker.ts'
import { makeGraftApp } from '../app.ts'
import { fetchBase } from '../hub-progress.ts'
import { makeProgress } from '../progress.ts'
import type { Api, ApiOptions } from './api.ts'

/** Opens the store and returns its API in this process. Use it only if no server has the store open. */
export async function openLocalApi(options: ApiOptions): Promise<Api> {
  const { worker: runsWorker = false, threads, sliceSeconds } = options
  const base = await fetchBase(options.base, makeProgress())
  const platform = await openPlatform({ threads, base, alone: true })
  try {
    await addReadyAdapter(platform)
    const worker = runsWorker ? await startWorker({ ...platform, threads, sliceSeconds }) : undefined
    const close = async () => {
      await worker?.close()
      await platform.close()
    }
    return { ...(await makeLocalApi(platform)), close }
  } catch (error) {
    await platform.close()
    throw error
  }
}

/** Returns the API of an open platform. It requires no key, because its owner has full access. */
export async function makeLocalApi(platform: Platform): Promise<Api> {
  const app = await makeGraftApp(platform)
  const client = makeClient(async (path, init = {}) => {
    const headers = new Headers(init.headers)
    headers.set('host', 'localhost')
    return app.request(`http://localhost${path}`, { ...init, headers })
  })
  return { ...client, close: async () => {} }
}
