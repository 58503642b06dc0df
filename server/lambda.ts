import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { fail } from '../core/errors.ts'
import { readVersion } from '../core/version.ts'
import { openPlatform } from '../platform/open-platform.ts'
import { makeAccess } from '../platform/use-cases/access.ts'
import { healthChecksOf } from '../platform/use-cases/health-checks.ts'
import { makeApp } from './app.ts'
import { loggerTo, makeLog } from './log.ts'
import type { Route } from './route.ts'

type Handler = ReturnType<typeof handle>

/**
 * Storage that all instances share. A database or artifacts of a single instance would be empty, and would be lost with
 * it.
 */
const storage = {
  databaseUrl: requireEnv('DATABASE_URL', 'postgres://…'),
  artifacts: requireEnv('GRAFT_ARTIFACTS', 's3://BUCKET/PREFIX, or to a folder that all instances share'),
  // The rest of the file system is read-only.
  home: process.env.GRAFT_HOME || '/tmp/graft',
}

// Opens before the first request, while the function has the most CPU time.
let opening: Promise<Handler> | undefined = open()
// The first request reports a failure. Without this handler, the failure would end the process.
opening.catch(() => {})

/**
 * Handles events of API Gateway, function URLs and load balancers. It serves predictions and everything else that a key
 * with the scope `predict` may do. If the platform cannot be opened, the invocation fails and the next one tries again.
 */
export async function handler(event: LambdaEvent, context?: LambdaContext) {
  opening ??= open()
  const handleEvent = await opening.catch((error) => {
    opening = undefined
    throw error
  })
  return handleEvent(event, context)
}

async function open(): Promise<Handler> {
  const log = makeLog()
  const platform = await openPlatform({ ...storage, serverless: true, logger: loggerTo(log) })
  // No request comes from this machine, so no request is accepted as long as there are no keys.
  const access = { ...makeAccess(platform.store), hasKeys: async () => true }
  const healthChecks = healthChecksOf(platform)
  return handle(
    makeApp(platform, { version: await readVersion(), access, log, healthChecks, includeRoute: isServerlessRoute }),
  )
}

/** Selects the routes of a function. Other scopes need uploads, streams, or work that takes longer than a request. */
const isServerlessRoute = ({ scope }: Route): boolean => scope === 'none' || scope === 'predict'

function requireEnv(name: string, example: string): string {
  return (
    process.env[name] ||
    fail('usage', {
      subject: name,
      problem: 'is not set',
      fix: `In the environment of the function, set it to ${example}.`,
    })
  )
}
