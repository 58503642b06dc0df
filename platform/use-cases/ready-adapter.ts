import { ignoreErrors } from '../../core/errors.ts'
import { READY_ADAPTER, readyAdapter } from '../offline/bases.ts'
import type { Platform } from '../platform.ts'
import { hasAdapters } from '../store/adapters.ts'
import { EMBEDDED } from '../store/bases.ts'
import { importAdapter } from './adapters.ts'

/**
 * Adds the adapter that comes with the embedded base, if the platform serves that base and the store has no adapter of
 * it. An adapter of the user's that has its name stays.
 */
export async function addReadyAdapter(platform: Platform): Promise<void> {
  const { store, bases } = platform
  const base = bases.find(({ name }) => name === EMBEDDED)
  if (!base || (await hasAdapters(store.db, base.id))) return
  await importAdapter(platform, READY_ADAPTER, readyAdapter, { base: base.id }).catch(ignoreErrors('name_taken'))
}
