import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type OpenPlatform, openPlatform, type PlatformOptions } from '../platform/open-platform.ts'
import { makeAccess } from '../platform/use-cases/access.ts'
import { ensureAdapter } from '../platform/use-cases/adapters.ts'
import { healthChecksOf } from '../platform/use-cases/health-checks.ts'
import { startWorker } from '../platform/worker/worker.ts'
import type { WorkerEvent } from '../platform/worker/worker-options.ts'
import { listen } from '../server/listen.ts'
import { loggerTo, makeLog } from '../server/log.ts'
import { makeGraftApp } from './app.ts'
import { addressFile } from './store/api.ts'

export interface ServeOptions extends PlatformOptions {
  port: number
  host: string
  /** True if this process also runs trainings. */
  worker: boolean
  /** Folders of adapters to add to the store. */
  checkpoints?: readonly string[]
}

/**
 * Serves until the process gets a signal to stop. Then it finishes open requests, and a training in this process saves
 * its state.
 * @param onReady called with the address once the server accepts requests; not awaited after a signal to stop
 */
export async function serveUntilStopped(
  { port, host, worker: runsWorker, checkpoints = [], ...options }: ServeOptions,
  onReady: (url: string, platform: OpenPlatform) => void | Promise<void>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const closers: (() => Promise<void> | void)[] = []
  try {
    const log = makeLog()
    const platform = await openPlatform({ ...options, logger: loggerTo(log) })
    closers.push(() => platform.close())
    for (const dir of checkpoints) await ensureAdapter(platform, dir)
    const access = makeAccess(platform.store)
    const app = await makeGraftApp(platform, { access, log, healthChecks: healthChecksOf(platform) })
    const server = await listen(app, { host, port, access })
    closers.push(() => server.close())
    if (runsWorker) {
      const onEvent = (event: WorkerEvent) => log.info(event)
      const worker = await startWorker({ ...platform, threads: options.threads, onEvent })
      closers.push(() => worker.close())
    }
    const file = addressFile(platform.home)
    mkdirSync(platform.home, { recursive: true })
    writeFileSync(file, JSON.stringify({ url: server.url, pid: process.pid }))
    closers.push(() => rmSync(file, { force: true }))
    await Promise.race([stopped, Promise.resolve(onReady(server.url, platform)).then(() => stopped)])
  } finally {
    for (const close of closers.reverse()) await close()
  }
}
