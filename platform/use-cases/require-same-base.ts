import { fail } from '../../core/errors.ts'
import type { AdapterRow } from '../store/adapters.ts'
import type { BaseRow } from '../store/bases.ts'

/**
 * An adapter answers on the base that it was trained on alone.
 * @throws GraftError `base_mismatch`
 */
export function requireSameBase(adapter: Pick<AdapterRow, 'name' | 'base' | 'base_id'>, served: BaseRow): void {
  if (adapter.base_id === served.id) return
  fail('base_mismatch', {
    subject: `the adapter ${adapter.name}`,
    expected: `one of the base ${served.name}, on which this server answers`,
    found: `one of the base ${adapter.base}`,
    fix: `Serve that base, too: graft serve --base ${adapter.base}.`,
  })
}
