import type { Platform } from '../../platform/platform.ts'
import { health, readiness } from '../../platform/schemas/health.ts'
import type { HealthCheck } from '../../platform/use-cases/health-checks.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { runHealthChecks } from '../readiness.ts'
import { json, type Route, route } from '../route.ts'

interface ServerRouteOptions {
  version: string
  metrics: Metrics
  healthChecks?: readonly HealthCheck[]
}

const tag = 'Server'

/** Returns the routes for operators of the server. */
export function serverRoutes(
  { logger }: Pick<Platform, 'logger'>,
  { version, metrics, healthChecks = [] }: ServerRouteOptions,
): Route[] {
  const started = performance.now()
  let running: ReturnType<typeof runHealthChecks> | undefined
  return [
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'Check whether the process is alive',
      tag,
      scope: 'none',
      responses: { 200: { description: 'The process is alive.', schema: health } },
      handle: () => json({ status: 'ok', version, uptime_seconds: Math.round(performance.now() - started) / 1000 }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Check whether the server can handle requests',
      description: 'Checks everything that the server depends on.',
      tag,
      scope: 'none',
      responses: {
        200: { description: 'The server is ready.', schema: readiness },
        503: { description: 'Something that the server depends on does not work.', schema: readiness },
      },
      async handle({ requestId }) {
        // Concurrent requests share one run, because anyone may send them, as often as they like.
        running ??= runHealthChecks(healthChecks, (error) => logger.error(error, { request_id: requestId })).finally(
          () => {
            running = undefined
          },
        )
        const checks = await running
        const isReady = Object.values(checks).every((result) => result === 'ok')
        return json({ status: isReady ? 'ready' : 'unready', checks }, { status: isReady ? 200 : 503 })
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Get metrics for Prometheus',
      tag,
      scope: 'metrics',
      responses: {
        200: { description: 'Returns metrics in the Prometheus text format.', contentTypes: ['text/plain'] },
      },
      handle: async () => new Response(await metrics.render(), { headers: { 'content-type': metrics.contentType } }),
    }),
  ]
}
