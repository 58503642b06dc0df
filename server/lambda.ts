import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { fail } from '../core/errors.ts'
import { readVersion } from '../core/version.ts'
import { openBackend } from '../platform/open-backend.ts'
import { openPlatform } from '../platform/open-platform.ts'
import type { WorkResult } from '../platform/schemas/work.ts'
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

/** True in a function that trains. The platform names the handler that it will call. */
const trains = process.env._HANDLER?.endsWith('.train') ?? false

// Opens before the first request, while the function has the most CPU time.
let opening: Promise<Handler> | undefined = trains ? undefined : open()
// The first request reports a failure. Without this handler, the failure would end the process.
opening?.catch(() => {})

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

/**
 * Does one piece of what waits, within the time of the invocation, whatever its event is: a slice of a training, an
 * evaluation or a comparison, and the messages to webhooks that are due. Everything is opened and closed here, so
 * nothing is open and no process runs while the function is frozen.
 */
export async function train(
  _event: unknown,
  context: Pick<LambdaContext, 'getRemainingTimeInMillis'>,
): Promise<WorkResult> {
  // A function that answers predictions never loads the worker.
  const { workWithin } = await import('../platform/worker/work-within.ts')
  const log = makeLog()
  const backend = await openBackend(storage)
  try {
    const options = { ...backend, logger: loggerTo(log), onEvent: (event: object) => log.info(event) }
    return await workWithin(options, context.getRemainingTimeInMillis())
  } finally {
    await backend.close()
  }
}

async function open(): Promise<Handler> {
  const log = makeLog()
  // An instance gets one request at a time.
  const platform = await openPlatform({ ...storage, serverless: true, alone: true, logger: loggerTo(log) })
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
