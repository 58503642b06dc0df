import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'
import type { AdapterRow } from '../store/adapters.ts'

/**
 * Requires that the server serves the adapter's base. An adapter works only on the base that it was trained on.
 * @throws GraftError `base_mismatch`
 */
export function requireSameBase(
  adapter: Pick<AdapterRow, 'name' | 'base' | 'base_id'>,
  { bases }: Pick<Platform, 'bases'>,
): void {
  if (bases.some(({ id }) => id === adapter.base_id)) return
  const names = bases.map(({ name }) => name).join(' or ')
  fail('base_mismatch', {
    subject: `the adapter ${adapter.name}`,
    expected: `an adapter of ${names}, which this server serves`,
    found: `an adapter of ${adapter.base}`,
    fix: `Start the server with that base as well: graft serve --base ${adapter.base}.`,
  })
}
