import type { Hono } from 'hono'
import type { Platform } from '../platform/platform.ts'
import type { HealthCheck } from '../platform/use-cases/health-checks.ts'
import type { AppEnv } from './app-env.ts'
import { type AssembleOptions, assembleApp } from './assemble-app.ts'
import { makeLimits } from './limits.ts'
import { makeMetrics } from './metrics/metrics.ts'
import type { WorkerMetrics } from './metrics/worker.ts'
import type { BodyLimits } from './read-body.ts'
import type { UploadLimits } from './read-upload.ts'
import type { Route } from './route.ts'
import { routesOf } from './routes.ts'

export interface AppOptions extends AssembleOptions {
  /** Graft's own version, which `/healthz` and the OpenAPI document report. */
  version: string
  /**
   * Limits of request bodies. JSON defaults to 4 MiB within 30 seconds, an adapter to 1 GiB and a data set to 256 MiB;
   * an upload may pause for at most 30 seconds, and must send 10 KB a second after the first minute.
   */
  bodyLimits?: { json?: Partial<BodyLimits>; adapter?: Partial<UploadLimits>; dataset?: Partial<UploadLimits> }
  /** The checks of `/readyz`. Defaults to none. */
  healthChecks?: readonly HealthCheck[]
  /** The metrics of the worker in this process. Defaults to none. */
  workerMetrics?: WorkerMetrics
  /** Seconds without an event after which an event stream sends a heartbeat. Defaults to 15. */
  heartbeatSeconds?: number
  /** Event streams open at a time. Defaults to 200. */
  maxStreams?: number
  /** Bytes of JSON bodies in memory at a time. Defaults to 256 MiB. */
  maxBodyBytes?: number
  /**
   * Routes in addition to those of the API. They have the same authorization and limits, but are not in the OpenAPI
   * document.
   */
  extraRoutes?: readonly Route[]
  /** Selects the routes of the API to serve. Defaults to all. */
  includeRoute?: (route: Route) => boolean
  /** Requests handled at a time. Defaults to 1,000. */
  maxRequests?: number
}

const MIB = 1024 * 1024

/**
 * Creates the HTTP API over the use cases. It translates between HTTP and the use cases, and makes no decisions of its
 * own.
 */
export function makeApp(platform: Platform, options: AppOptions): Hono<AppEnv> {
  const { version, bodyLimits, extraRoutes = [] } = options
  const { store, engine, logger } = platform
  const metrics = makeMetrics({ version, store, engine, worker: options.workerMetrics?.registry })
  const bodies = {
    json: { bytes: 4 * MIB, seconds: 30, ...bodyLimits?.json },
    adapter: { bytes: 1024 * MIB, seconds: 30, ...bodyLimits?.adapter },
    dataset: { bytes: 256 * MIB, seconds: 30, ...bodyLimits?.dataset },
  }
  const limits = makeLimits({
    requests: options.maxRequests ?? 1000,
    streams: options.maxStreams ?? 200,
    bodyBytes: options.maxBodyBytes ?? 256 * MIB,
    texts: engine.queue.capacity,
    characters: engine.queue.characters,
  })
  const routes = [...routesOf(platform, { ...options, metrics }), ...extraRoutes]
  return assembleApp({ routes, metrics, logger, store, limits, bodies }, options)
}
