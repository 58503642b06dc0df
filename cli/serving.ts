import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type OpenPlatform, openPlatform, type PlatformOptions } from '../platform/open-platform.ts'
import { storeAccess } from '../platform/use-cases/access.ts'
import { ensureAdapter } from '../platform/use-cases/adapters.ts'
import { probesOf } from '../platform/use-cases/health-checks.ts'
import { startWorker } from '../platform/worker/worker.ts'
import type { WorkerNews } from '../platform/worker/worker-options.ts'
import { listen } from '../server/listen.ts'
import { loggerTo, makeLog } from '../server/log.ts'
import { appOf } from './app.ts'
import { addressFile } from './store/api.ts'

export interface ServeOptions extends PlatformOptions {
  port: number
  host: string
  /** Whether trainings run here, too. */
  worker: boolean
  /** Folders of adapters that the store shall have. */
  checkpoints?: readonly string[]
}

/**
 * Serves until the process is asked to stop, then finishes what it answers; a training that runs here saves its state.
 * @param onReady hears the address once it answers; what it does is given up when the process is asked to stop
 */
export async function serveUntilStopped(
  { port, host, worker: wanted, checkpoints = [], ...options }: ServeOptions,
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
    const access = storeAccess(platform.store)
    const app = await appOf(platform, { access, log, probes: probesOf(platform) })
    const server = await listen(app, { host, port, access })
    closers.push(() => server.close())
    if (wanted) {
      const tell = (news: WorkerNews) => log.info(news)
      const worker = await startWorker({ ...platform, threads: options.threads, tell })
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
