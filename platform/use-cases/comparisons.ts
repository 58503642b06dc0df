import { fail } from '../../core/errors.ts'
import { requireKnownTargets } from '../../training/pipeline/map-labels.ts'
import { namePipelines, requirePipelinesAllowed } from '../offline/pipeline.ts'
import type { Caller, Platform } from '../platform.ts'
import {
  type Comparison,
  type ComparisonList,
  type ComparisonQuery,
  type ComparisonRequest,
  MAX_COMPARED,
} from '../schemas/comparisons.ts'
import type { ComparedPipeline, PipelineRequest } from '../schemas/pipelines.ts'
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
 * Queues a comparison of adapters, and pipelines if any, on a data set.
 * @param key an idempotency key: a repeated request with the same key returns the first comparison
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `data_label`, `queue_full`, `disk_full`,
 *   `idempotency_conflict`, `pipelines_disabled`; `body_invalid` if there are too few or too many, or one is named
 *   twice; `pipeline_invalid` if a label of a pipeline would mean one that an adapter does not know
 */
export async function createComparison(
  platform: Platform,
  request: ComparisonRequest,
  caller: Caller,
  key?: string,
): Promise<Comparison> {
  const { store, queue } = platform
  const { pipelines = [] } = request
  requireCount(request.adapters, pipelines)
  requireDifferentPipelines(pipelines)
  if (pipelines.length > 0) requirePipelinesAllowed(platform.allowPipelines)
  const create = async (tx: Database) => {
    const adapters: AdapterRow[] = []
    for (const idOrName of request.adapters) adapters.push(await selectAdapter(tx, idOrName))
    requireDistinct(adapters, request.adapters)
    const dataset = await lockDataset(tx, request.dataset)
    for (const { name, labels } of adapters) requireKnownLabels(dataset, labels, `the adapter ${name}`)
    const { id } = await insertComparison(tx, {
      owner: caller.owner,
      adapters: adapters.map(snapshotOf),
      pipelines: toCompared(pipelines, adapters),
      dataset_id: dataset.id,
    })
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

/**
 * Returns the result of a comparison.
 * @throws GraftError `comparison_unknown`; `comparison_unfinished` unless it has succeeded
 */
export async function getComparisonResult(platform: Platform, id: string): Promise<NonNullable<Comparison['result']>> {
  const { status, result } = await getComparison(platform, id)
  return (
    result ??
    fail('comparison_unfinished', {
      subject: `the comparison ${id}`,
      expected: 'the status succeeded',
      found: status,
      fix: 'Wait until it has succeeded. If it failed, GET /v1/comparisons/{id} has the error.',
    })
  )
}

/** Lists comparisons, newest first. Each has its verdict, but not the rest of its result. */
export async function listComparisons({ store }: Platform, request: ComparisonQuery = {}): Promise<ComparisonList> {
  const page = await selectComparisonPage(store.db, request)
  return { ...page, data: page.data.map(toComparisonSummary) }
}

/** Requires at least two, and not too many for their differences to show. */
function requireCount(adapters: readonly string[], pipelines: readonly PipelineRequest[]): void {
  const count = adapters.length + pipelines.length
  if (count >= 2 && count <= MAX_COMPARED) return
  fail('body_invalid', {
    subject: 'adapters',
    expected: `2 to ${MAX_COMPARED} adapters, or at least one with a pipeline and at most ${MAX_COMPARED} in all`,
    found: String(count),
    fix: 'Name an adapter in use and at least one that might replace it.',
  })
}

/** Requires that no two pipelines are the same files. */
function requireDifferentPipelines(pipelines: readonly PipelineRequest[]): void {
  const keys = pipelines.map(({ model, dtype = 'fp32' }) => `${model} ${dtype}`)
  const repeated = keys.findIndex((key, i) => keys.indexOf(key) < i)
  if (repeated < 0) return
  fail('body_invalid', {
    subject: `pipelines[${repeated}]`,
    expected: 'each model once, or with another dtype',
    found: `${JSON.stringify(pipelines[repeated].model)}, which is the same as pipelines[${keys.indexOf(keys[repeated])}]`,
    fix: 'Leave it out.',
  })
}

/** Returns the pipelines with the names that they have in the result. */
function toCompared(pipelines: readonly PipelineRequest[], adapters: readonly AdapterRow[]): ComparedPipeline[] {
  const [first, ...others] = adapters.map(({ labels }) => labels)
  const shared = first.filter((label) => others.every((labels) => labels.includes(label)))
  for (const { model, labels } of pipelines) if (labels) requireKnownTargets(shared, model, labels)
  return namePipelines(
    pipelines.map((pipeline) => ({ ...pipeline, isFolder: false })),
    adapters.map(({ name }) => name),
  ).map(({ isFolder: _, ...pipeline }) => pipeline)
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
