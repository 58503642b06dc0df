import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { openPlatform, type PlatformOptions } from '../../platform/open-platform.ts'
import { type Access, makeAccess } from '../../platform/use-cases/access.ts'
import { addReadyAdapter } from '../../platform/use-cases/ready-adapter.ts'
import { startWorker } from '../../platform/worker/worker.ts'
import { listen } from '../../server/listen.ts'
import { makeGraftApp } from '../app.ts'
import type { Api } from './api.ts'
import { makeLocalApi } from './local-api.ts'
import type { Reservation } from './server-address.ts'

/** How a process works that opens the store of a home. */
export type LeadOptions = Pick<PlatformOptions, 'threads' | 'allowPipelines' | 'pipelineBytes'>

/**
 * Opens the store of a home in this process, which from then on also works for other processes of the same user: it
 * publishes an address with a key that only they can read, and runs the trainings.
 */
export async function leadHome(home: string, { publish, withdraw }: Reservation, options: LeadOptions): Promise<Api> {
  const closers: (() => Promise<void> | void)[] = [withdraw]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const platform = await openPlatform({ home, ...options })
    closers.push(() => platform.close())
    await addReadyAdapter(platform)
    const key = `graft_${randomBytes(32).toString('base64url')}`
    const access = withOwnerKey(makeAccess(platform.store), key)
    const server = await listen(await makeGraftApp(platform, { access }), { access, graceSeconds: 1 })
    closers.push(() => server.close())
    const worker = await startWorker({ ...platform, threads: options.threads })
    closers.push(() => worker.close())
    publish({ url: server.url, key })
    return { ...(await makeLocalApi(platform)), close }
  } catch (error) {
    await close()
    throw error
  }
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Adds a key that may do everything, as the owner of the files of the store may. Requests always need a key then. */
function withOwnerKey(access: Access, key: string): Access {
  const hash = hashOf(key)
  return {
    hasKeys: async () => true,
    verify: async (secret) =>
      timingSafeEqual(hashOf(secret), hash) ? { owner: '', scopes: ['admin'] } : access.verify(secret),
  }
}
