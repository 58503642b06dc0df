import { fail } from '../../core/errors.ts'
import type { Caller, Platform } from '../platform.ts'
import type { Comparison, ComparisonList, ComparisonQuery, ComparisonRequest } from '../schemas/comparisons.ts'
import { type AdapterRow, getAdapter, weightsOf } from '../store/adapters.ts'
import * as rows from '../store/comparisons.ts'
import type { Database } from '../store/database.ts'
import { takeDataset } from '../store/datasets.ts'
import { getShortWork } from '../store/short-work.ts'
import { requireKnownLabels } from './labels.ts'
import { perKey } from './per-key.ts'
import { requireRoom } from './queue-limit.ts'
import { shownComparison, shownComparisonSummary } from './to-api.ts'

/**
 * Queues the comparison of adapters on a data set.
 * @param key the same key with the same request answers with the first comparison
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `data_label`, `queue_full`, `idempotency_conflict`; `body_invalid` where an adapter is
 * named twice
 */
export async function createComparison(
  platform: Platform,
  request: ComparisonRequest,
  caller: Caller,
  key?: string,
): Promise<Comparison> {
  const { store, queue } = platform
  const create = async (tx: Database) => {
    const adapters: AdapterRow[] = []
    for (const asked of request.adapters) adapters.push(await getAdapter(tx, asked))
    requireDistinct(adapters, request.adapters)
    const dataset = await takeDataset(tx, request.dataset)
    for (const { name, labels } of adapters) requireKnownLabels(dataset, labels, `the adapter ${name}`)
    const { id } = await rows.createComparison(tx, { adapters: adapters.map(weightsOf), dataset_id: dataset.id })
    await queue.queueShortWork(tx, 'comparison', id)
    return id
  }
  await requireRoom(platform)
  const id = await perKey(store, { caller, operation: 'create_comparison', key, request }, create)
  return getComparison(platform, id)
}

/** @throws GraftError `comparison_unknown` */
export async function getComparison({ store }: Platform, id: string): Promise<Comparison> {
  return shownComparison(await getShortWork(store.db, 'comparison', id))
}

/** The newest first, each with its verdict alone. */
export async function listComparisons({ store }: Platform, request: ComparisonQuery = {}): Promise<ComparisonList> {
  const page = await rows.listComparisons(store.db, request)
  return { ...page, data: page.data.map(shownComparisonSummary) }
}

/** One may be named by its id and by its name. */
function requireDistinct(adapters: readonly AdapterRow[], asked: readonly string[]): void {
  const ids = adapters.map(({ id }) => id)
  const twice = ids.findIndex((id, i) => ids.indexOf(id) < i)
  if (twice < 0) return
  fail('body_invalid', {
    subject: `adapters[${twice}]`,
    expected: 'each adapter once',
    found: `${JSON.stringify(asked[twice])}, which is adapters[${ids.indexOf(ids[twice])}] as well`,
    fix: 'Name two different adapters or more.',
  })
}
