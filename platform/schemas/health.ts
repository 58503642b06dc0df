import { z } from 'zod'

export const health = z.strictObject({ status: z.literal('ok'), version: z.string(), uptime_seconds: z.number() })
export type Health = z.infer<typeof health>
