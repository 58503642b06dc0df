import { fail } from '../../core/errors.ts'
import type { AdapterRow } from '../store/adapters.ts'
import type { BaseRow } from '../store/bases.ts'

/**
 * Requires that the server serves the adapter's base. An adapter works only on the base that it was trained on.
 * @throws GraftError `base_mismatch`
 */
export function requireSameBase(adapter: Pick<AdapterRow, 'name' | 'base' | 'base_id'>, served: BaseRow): void {
  if (adapter.base_id === served.id) return
  fail('base_mismatch', {
    subject: `the adapter ${adapter.name}`,
    expected: `an adapter of ${served.name}, the base of this server`,
    found: `an adapter of ${adapter.base}`,
    fix: `Start another server for that base: graft serve --base ${adapter.base}.`,
  })
}
