import { fail } from '../../core/errors.ts'
import { describe } from '../parse.ts'
import type { Platform, ServedAdapter } from '../platform.ts'
import type { Adapter, AdapterList } from '../schemas.ts'

/** The adapters that are served, in their order. */
export function listAdapters({ adapters }: Platform): AdapterList {
  return { data: adapters.map(shown) }
}

/** @throws GraftError `adapter_unknown` */
export function getAdapter({ adapters }: Platform, id: string): Adapter {
  return shown(adapterById(adapters, id, 'adapter'))
}

/**
 * @param subject the field that names the adapter
 * @throws GraftError `adapter_unknown`, naming those that are served
 */
export function adapterById(served: readonly ServedAdapter[], id: string, subject: string): ServedAdapter {
  return (
    served.find((adapter) => adapter.id === id) ??
    fail('adapter_unknown', {
      subject,
      expected: idsOf(served),
      found: describe(id),
      mend: 'Name one that is served; GET /v1/adapters lists them.',
    })
  )
}

const LISTED = 20

/** The ids as a phrase, the first few of many. */
export function idsOf(served: readonly ServedAdapter[]): string {
  if (served.length === 0) return 'an adapter that is served, of which there is none'
  const ids = served.slice(0, LISTED).map(({ id }) => id)
  const more = served.length - ids.length
  return `${served.length > 1 ? 'one of ' : ''}${ids.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function shown({ id, name, method, base, trainable, total, digest, bytes, layout, labels, metrics }: ServedAdapter) {
  return { id, name, method, base, trainable, total, digest, bytes, layout, labels: [...labels], metrics }
}
