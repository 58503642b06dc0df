import type { Health } from '../../platform/schemas/health.ts'
import type { Routes } from '../mount.ts'

/** `GET /healthz`: the process is up and answers. */
export function health(version: string): Routes {
  const started = performance.now()
  const answer = (): Health => ({
    status: 'ok',
    version,
    uptime_seconds: Math.round(performance.now() - started) / 1000,
  })
  return { '/healthz': { GET: (c) => c.json(answer()) } }
}
