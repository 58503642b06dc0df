import type { HealthCheck } from '../platform/use-cases/health-checks.ts'

export type CheckResult = 'ok' | 'failed' | 'timeout'

const TIMEOUT_MS = 2000

/**
 * Runs all checks at once.
 * @param onError receives the error of a failed check; callers only learn that it failed
 */
export async function runHealthChecks(
  checks: readonly HealthCheck[],
  onError: (error: unknown) => void,
): Promise<Record<string, CheckResult>> {
  const results = await Promise.all(
    checks.map(async (check) => [check.name, await runHealthCheck(check, onError)] as const),
  )
  return Object.fromEntries(results)
}

async function runHealthCheck({ check }: HealthCheck, onError: (error: unknown) => void): Promise<CheckResult> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const timeout = new Promise<CheckResult>((resolve) => {
    signal.addEventListener('abort', () => resolve('timeout'), { once: true })
  })
  const result = check(signal).then(
    (): CheckResult => 'ok',
    (error): CheckResult => {
      onError(error)
      return 'failed'
    },
  )
  return Promise.race([result, timeout])
}
