import { z } from 'zod'

export const health = z.strictObject({ status: z.literal('ok'), version: z.string(), uptime_seconds: z.number() })

export const readiness = z.strictObject({
  status: z.enum(['ready', 'unready']),
  checks: z.record(z.string(), z.enum(['ok', 'failed', 'timeout'])).describe('The result of each check.'),
})
