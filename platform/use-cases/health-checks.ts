import type { Platform } from '../platform.ts'
import { selectBasePage } from '../store/bases.ts'

/** A cheap check of something that the server needs to work. */
export interface HealthCheck {
  name: string
  /** Rejects if the dependency does not work. */
  check(signal: AbortSignal): Promise<unknown>
}

/** Returns the health checks of the database and the artifact storage. */
export function healthChecksOf({ store, artifacts }: Pick<Platform, 'store' | 'artifacts'>): HealthCheck[] {
  return [
    { name: 'database', check: () => selectBasePage(store.db, { limit: 1 }) },
    { name: 'artifacts', check: () => artifacts.list()[Symbol.asyncIterator]().next() },
  ]
}
