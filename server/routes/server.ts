import type { Platform } from '../../platform/platform.ts'
import { health, readiness } from '../../platform/schemas/health.ts'
import type { Metrics } from '../metrics.ts'
import { type Probe, runProbes } from '../readiness.ts'
import { json, type Route, route } from '../route.ts'

interface ServerRoutes {
  version: string
  metrics: Metrics
  probes?: readonly Probe[]
}

const tag = 'Server'

/** What those want to know who run the server. */
export function server({ logger }: Platform, { version, metrics, probes = [] }: ServerRoutes): Route[] {
  const started = performance.now()
  let probing: ReturnType<typeof runProbes> | undefined
  return [
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'Whether the process is up and answers',
      tag,
      scope: 'none',
      answers: { 200: { description: 'It is', schema: health } },
      handle: () => json({ status: 'ok', version, uptime_seconds: Math.round(performance.now() - started) / 1000 }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Whether all that it needs works',
      tag,
      scope: 'none',
      answers: {
        200: { description: 'It can answer', schema: readiness },
        503: { description: 'Something that it needs does not work', schema: readiness },
      },
      async handle({ id }) {
        // Who asks at the same time gets the same answer: anybody may ask, as often as they like.
        probing ??= runProbes(probes, (error) => logger.error(error, { request_id: id })).finally(() => {
          probing = undefined
        })
        const checks = await probing
        const isReady = Object.values(checks).every((result) => result === 'ok')
        return json({ status: isReady ? 'ready' : 'unready', checks }, { status: isReady ? 200 : 503 })
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      tag,
      scope: 'admin',
      answers: { 200: { description: "In Prometheus' text format", types: ['text/plain'] } },
      handle: async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
    }),
  ]
}
