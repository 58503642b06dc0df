import { setFlagsFromString } from 'node:v8'
import { readVersion } from '../core/version.ts'
import { startWatchdog } from '../core/watchdog.ts'
import { type OpenPlatform, openPlatform, type PlatformOptions } from '../platform/open-platform.ts'
import { makeAccess } from '../platform/use-cases/access.ts'
import { ensureAdapter } from '../platform/use-cases/adapters.ts'
import { healthChecksOf } from '../platform/use-cases/health-checks.ts'
import { addReadyAdapter } from '../platform/use-cases/ready-adapter.ts'
import { startWorker } from '../platform/worker/worker.ts'
import type { WorkerEvent } from '../platform/worker/worker-options.ts'
import { listen } from '../server/listen.ts'
import { openProcessLog } from '../server/log.ts'
import { makeWorkerMetrics } from '../server/metrics/worker.ts'
import { startTracing } from '../server/tracing/start-tracing.ts'
import { makeGraftApp } from './app.ts'
import { makeProgress, type Progress } from './progress.ts'
import { defaultLogFormat, type LogFormat, openServerLog } from './server-log.ts'
import { publishAddress } from './store/server-address.ts'

export interface ServeOptions extends PlatformOptions {
  port: number
  host: string
  /** True if this process also runs trainings. */
  worker: boolean
  /** Origins whose pages may use the API from a browser. Defaults to none. */
  allowOrigins?: readonly string[]
  /** Folders of adapters to add to the store. */
  checkpoints?: readonly string[]
  /** Defaults to text on a terminal and to JSON elsewhere. */
  log?: LogFormat
  /** True to log the starts and ends of trainings, evaluations and comparisons. Defaults to true. */
  logsWork?: boolean
  /** Receives the log if it is text. Defaults to a progress of its own. */
  progress?: Progress
}

/** The parts that take long to open. A test replaces them. */
const ownParts = { openPlatform, startWorker }

/**
 * Serves until the process gets a signal to stop. Then it finishes open requests, and a training in this process saves
 * its state.
 * @param onReady called with the address once the server accepts requests; not awaited after a signal to stop
 */
export async function serveUntilStopped(
  {
    port,
    host,
    worker: runsWorker,
    checkpoints = [],
    allowOrigins,
    log: format = defaultLogFormat(),
    logsWork = true,
    progress = makeProgress(),
    ...options
  }: ServeOptions,
  onReady: (url: string, platform: OpenPlatform) => void | Promise<void>,
  parts: typeof ownParts = ownParts,
): Promise<void> {
  // The space of new objects then stays small, which costs nothing that was measured (docs/benchmarks.md).
  setFlagsFromString('--semi-space-growth-factor=1')
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const closers: (() => Promise<void> | void)[] = []
  try {
    const { log, logger, close } = openProcessLog(openServerLog(format, progress))
    closers.push(close)
    const stopTracing = await startTracing(logger, await readVersion())
    if (stopTracing) closers.push(stopTracing)
    const platform = await parts.openPlatform({ ...options, logger })
    closers.push(() => platform.close())
    // Not earlier: creating a database may take a slow machine as long as the watchdog waits.
    closers.unshift(startWatchdog())
    for (const dir of checkpoints) await ensureAdapter(platform, dir)
    await addReadyAdapter(platform)
    const access = makeAccess(platform.store)
    const workerMetrics = runsWorker ? makeWorkerMetrics() : undefined
    const app = await makeGraftApp(platform, {
      access,
      log,
      allowOrigins,
      healthChecks: healthChecksOf(platform),
      workerMetrics,
    })
    const server = await listen(app, { host, port, access })
    closers.push(() => server.close())
    if (workerMetrics) {
      const { onEvent: countEvent, onSteps } = workerMetrics.listeners
      const onEvent = (event: WorkerEvent) => {
        if (logsWork) log.info(event)
        countEvent(event)
      }
      const worker = await parts.startWorker({ ...platform, threads: options.threads, onEvent, onSteps })
      // While the worker saves its state, the server accepts nothing new.
      closers.push(async () => void (await Promise.all([server.close(), worker.close()])))
    }
    closers.push(await publishAddress(platform.home, server.url))
    await Promise.race([stopped, Promise.resolve(onReady(server.url, platform)).then(() => stopped)])
  } finally {
    for (const close of closers.reverse()) await close()
  }
}
