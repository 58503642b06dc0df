/** Something that has to work before the server can answer. */
export interface Probe {
  name: string
  /** Rejects where it does not work. */
  check(signal: AbortSignal): Promise<unknown>
}

export type CheckResult = 'ok' | 'failed' | 'timeout'

/** Milliseconds that a check may take. */
const LIMIT = 2000

/** All checks at once. @param onError hears why one failed; whoever asked is told that it did, and no more */
export async function runProbes(
  probes: readonly Probe[],
  onError: (error: unknown) => void,
): Promise<Record<string, CheckResult>> {
  const results = await Promise.all(probes.map(async (probe) => [probe.name, await run(probe, onError)] as const))
  return Object.fromEntries(results)
}

async function run({ check }: Probe, onError: (error: unknown) => void): Promise<CheckResult> {
  const signal = AbortSignal.timeout(LIMIT)
  const late = new Promise<CheckResult>((resolve) => {
    signal.addEventListener('abort', () => resolve('timeout'), { once: true })
  })
  const checked = check(signal).then(
    (): CheckResult => 'ok',
    (error): CheckResult => {
      onError(error)
      return 'failed'
    },
  )
  return Promise.race([checked, late])
}
