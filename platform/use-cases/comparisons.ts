import { fail } from '../../core/errors.ts'
import type { Caller, Platform } from '../platform.ts'
import type { Comparison, ComparisonList, ComparisonQuery, ComparisonRequest } from '../schemas/comparisons.ts'
import { type AdapterRow, selectAdapter, snapshotOf } from '../store/adapters.ts'
import { insertComparison, selectComparisonPage } from '../store/comparisons.ts'
import type { Database } from '../store/database.ts'
import { lockDataset } from '../store/datasets.ts'
import { idempotent } from '../store/idempotency.ts'
import { selectShortWork } from '../store/short-work.ts'
import { requireKnownLabels } from './labels.ts'
import { requireQueueCapacity } from './queue-limit.ts'
import { toComparison, toComparisonSummary } from './to-api.ts'

/**
 * Queues a comparison of adapters on a data set.
 * @param key an idempotency key: a repeated request with the same key returns the first comparison
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `data_label`, `queue_full`, `disk_full`,
 *   `idempotency_conflict`; `body_invalid` if an adapter is named twice
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
    for (const idOrName of request.adapters) adapters.push(await selectAdapter(tx, idOrName))
    requireDistinct(adapters, request.adapters)
    const dataset = await lockDataset(tx, request.dataset)
    for (const { name, labels } of adapters) requireKnownLabels(dataset, labels, `the adapter ${name}`)
    const row = { owner: caller.owner, adapters: adapters.map(snapshotOf), dataset_id: dataset.id }
    const { id } = await insertComparison(tx, row)
    await queue.enqueueShortWork(tx, 'comparison', id)
    return id
  }
  await requireQueueCapacity(platform, caller)
  const id = await idempotent(store.db, { owner: caller.owner, operation: 'create_comparison', key, request }, create)
  return getComparison(platform, id)
}

/** @throws GraftError `comparison_unknown` */
export async function getComparison({ store }: Platform, id: string): Promise<Comparison> {
  return toComparison(await selectShortWork(store.db, 'comparison', id))
}

/** Lists comparisons, newest first. Each has its verdict, but not the rest of its result. */
export async function listComparisons({ store }: Platform, request: ComparisonQuery = {}): Promise<ComparisonList> {
  const page = await selectComparisonPage(store.db, request)
  return { ...page, data: page.data.map(toComparisonSummary) }
}

/** Requires different adapters. The request may name the same adapter once by its id and once by its name. */
function requireDistinct(adapters: readonly AdapterRow[], requested: readonly string[]): void {
  const ids = adapters.map(({ id }) => id)
  const repeated = ids.findIndex((id, i) => ids.indexOf(id) < i)
  if (repeated < 0) return
  fail('body_invalid', {
    subject: `adapters[${repeated}]`,
    expected: 'each adapter once',
    found: `${JSON.stringify(requested[repeated])}, which is the same as adapters[${ids.indexOf(ids[repeated])}]`,
    fix: 'Name at least two different adapters.',
  })
}
