import type { Hono } from 'hono'
import type { Platform } from '../platform/platform.ts'
import type { HealthCheck } from '../platform/use-cases/health-checks.ts'
import type { AppEnv } from './app-env.ts'
import { type AssembleOptions, assembleApp } from './assemble-app.ts'
import { makeLimits } from './limits.ts'
import { makeMetrics } from './metrics/metrics.ts'
import type { WorkerMetrics } from './metrics/worker.ts'
import { serverRoutes } from './routes/server.ts'
import { type Work, workRoute } from './routes/work.ts'

export interface WorkerAppOptions extends AssembleOptions {
  version: string
  healthChecks: readonly HealthCheck[]
  workerMetrics: WorkerMetrics
  /** Does one piece of what waits, when a request says so. If not set, there is no such route. */
  work?: Work
}

/** Creates the routes of a worker: its health, its metrics, and its work on request. They have the keys of the API. */
export function makeWorkerApp(
  { store, logger }: Pick<Platform, 'store' | 'logger'>,
  options: WorkerAppOptions,
): Hono<AppEnv> {
  const { version, workerMetrics, work } = options
  const metrics = makeMetrics({ version, store, worker: workerMetrics.registry })
  // No route here reads a body or keeps a stream.
  const limits = makeLimits({ requests: 100, streams: 0, bodyBytes: 0, texts: 0, characters: 0 })
  const none = { bytes: 0, seconds: 1 }
  return assembleApp(
    {
      routes: [...serverRoutes({ logger }, { ...options, metrics }), ...(work ? [workRoute(work)] : [])],
      metrics,
      logger,
      store,
      limits,
      bodies: { json: none, adapter: none, dataset: none },
    },
    options,
  )
}
