import type { Platform } from '../platform.ts'
import { listBases } from '../store/bases.ts'

/** What has to work for a server to be of use, each with a question that costs little. */
export function probesOf({ store, artifacts }: Platform): { name: string; check(): Promise<unknown> }[] {
  return [
    { name: 'database', check: () => listBases(store.db, { limit: 1 }) },
    { name: 'artifacts', check: () => artifacts.list()[Symbol.asyncIterator]().next() },
  ]
}
