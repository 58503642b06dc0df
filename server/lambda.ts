import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { fail } from '../core/errors.ts'
import { version } from '../core/version.ts'
import { openPlatform } from '../platform/open-platform.ts'
import { storeAccess } from '../platform/use-cases/access.ts'
import { probesOf } from '../platform/use-cases/health-checks.ts'
import { makeApp } from './app.ts'
import { loggerTo, makeLog } from './log.ts'
import type { Route } from './route.ts'

type Answer = ReturnType<typeof handle>

/** Instances share nothing but these; a database or artifacts of an instance's own would be empty, and lost with it. */
const places = {
  databaseUrl: required('DATABASE_URL', 'postgres://…'),
  artifacts: required('GRAFT_ARTIFACTS', 's3://BUCKET/PREFIX, or a folder that all instances share'),
  // The rest of the file system cannot be written.
  home: process.env.GRAFT_HOME || '/tmp/graft',
}

// Before the first request, while the platform lends the most processor time.
let opening: Promise<Answer> | undefined = open()
// Whoever asks first is told. Unheard, the failure would end the process.
opening.catch(() => {})

/**
 * Answers events of API Gateway, function URLs and load balancers: predictions, and what else a key with the scope `predict` may ask.
 * Where the platform cannot be opened the invocation fails, and the next one tries again.
 */
export async function handler(event: LambdaEvent, context?: LambdaContext) {
  opening ??= open()
  const answer = await opening.catch((error) => {
    opening = undefined
    throw error
  })
  return answer(event, context)
}

async function open(): Promise<Answer> {
  const log = makeLog()
  const platform = await openPlatform({ ...places, frozen: true, logger: loggerTo(log) })
  // No request comes from this machine: as long as there are no keys, none is answered.
  const access = { ...storeAccess(platform.store), hasKeys: async () => true }
  const own = await version()
  return handle(makeApp(platform, { version: own, access, log, probes: probesOf(platform), only: isPredicting }))
}

/** Uploads, streams, and whatever else is not done within one short request, need more than that. */
const isPredicting = ({ scope }: Route): boolean => scope === 'none' || scope === 'predict'

function required(name: string, expected: string): string {
  return (
    process.env[name] ||
    fail('usage', {
      subject: name,
      expected,
      found: 'none',
      fix: 'Set it in the environment of the function.',
    })
  )
}
