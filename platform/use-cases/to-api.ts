import { inspectDataset } from '../../training/data/inspect.ts'
import type { Adapter } from '../schemas/adapters.ts'
import type { Alias, AliasMove } from '../schemas/aliases.ts'
import type { BaseAnswer } from '../schemas/bases.ts'
import type { Comparison, ComparisonSummary } from '../schemas/comparisons.ts'
import type { Dataset } from '../schemas/datasets.ts'
import type { Evaluation } from '../schemas/evaluations.ts'
import type { Key } from '../schemas/keys.ts'
import { toProblem } from '../schemas/problem.ts'
import type { Training, TrainingEventAnswer } from '../schemas/trainings.ts'
import type { Delivery, Webhook } from '../schemas/webhooks.ts'
import type { AdapterRow } from '../store/adapters.ts'
import { type AliasMoveRow, type AliasRow, targetOf } from '../store/aliases.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { BaseRow } from '../store/bases.ts'
import type { ComparisonRow } from '../store/comparisons.ts'
import type { DatasetRow } from '../store/datasets.ts'
import type { EvaluationRow } from '../store/evaluations.ts'
import type { EventRow } from '../store/training-events.ts'
import type { TrainingRow } from '../store/trainings.ts'
import type { DeliveryRow, WebhookRow } from '../store/webhooks.ts'

// Conversions of database rows to the values that the API returns: times are strings, and null columns and artifacts
// are left out.

const toTimestamp = (date: Date): string => date.toISOString()

export function toAdapter(row: AdapterRow): Adapter {
  const { artifact: _, base_id: __, metrics, training_id, created_at, labels, ...same } = row
  return {
    ...same,
    labels: [...labels],
    ...(metrics && { metrics }),
    ...(training_id && { training: training_id }),
    created_at: toTimestamp(created_at),
  }
}

export function toAlias(row: AliasRow): Alias {
  const { name, guard, created_at, moved_at } = row
  return {
    name,
    adapter: targetOf(row),
    ...(guard && { guard }),
    created_at: toTimestamp(created_at),
    moved_at: toTimestamp(moved_at),
  }
}

export function toAliasMove({ id, alias, from, to, guard, forced, ...row }: AliasMoveRow): AliasMove {
  return {
    id,
    alias,
    ...(from && { from }),
    ...(to && { to }),
    ...(guard && { guard }),
    ...(row.comparison_id && { comparison: row.comparison_id }),
    forced,
    ...(row.owner && { key: row.owner }),
    created_at: toTimestamp(row.created_at),
  }
}

export function toDataset({ reading, created_at, filename, deleted_at: _, ...same }: DatasetRow): Dataset {
  const { text_column: text, label_column: label } = reading
  return {
    ...same,
    ...(filename && { filename }),
    ...(text && { columns: { text, ...(label && { label }) } }),
    created_at: toTimestamp(created_at),
  }
}

/** Returns a data set with its findings, which take too long for each item of a list. */
export function toInspectedDataset(row: DatasetRow): Dataset {
  const { rows, duplicates } = row
  const findings = inspectDataset({ rows, labels: new Map(Object.entries(row.labels)), duplicates })
  return { ...toDataset(row), findings }
}

/** @param served the bases that this server serves */
export function toBase(
  { id, name, fingerprint, parameters, bytes, int8_drift, created_at }: BaseRow,
  served: readonly BaseRow[],
): BaseAnswer {
  return {
    id,
    name,
    fingerprint,
    parameters,
    bytes,
    served: served.some((base) => base.id === id),
    int8_drift,
    created_at: toTimestamp(created_at),
  }
}

export function toEvaluation(row: EvaluationRow): Evaluation {
  const { id, status, adapter_id: adapter, digest, dataset_id: dataset, metrics, error, created_at, finished_at } = row
  return {
    id,
    status,
    adapter,
    digest,
    dataset,
    ...(metrics && { metrics: { ...metrics } }),
    ...(error && { error: toProblem(error) }),
    created_at: toTimestamp(created_at),
    ...(finished_at && { finished_at: toTimestamp(finished_at) }),
  }
}

export function toComparison(row: ComparisonRow): Comparison {
  const { verdict: _, ...summary } = toComparisonSummary(row)
  return { ...summary, ...(row.result && { result: withBins(asMutable(row.result)) }) }
}

/** A comparison that an earlier version stored has no bins. */
const withBins = (result: NonNullable<Comparison['result']>): NonNullable<Comparison['result']> => ({
  ...result,
  adapters: result.adapters.map((adapter) => ({ ...adapter, bins: adapter.bins ?? [] })),
})

export function toComparisonSummary(row: ComparisonRow): ComparisonSummary {
  const { id, status, adapters, pipelines, dataset_id: dataset, result, error, created_at, finished_at } = row
  return {
    id,
    status,
    adapters: [...adapters],
    pipelines: [...pipelines],
    dataset,
    ...(result && { verdict: result.verdict }),
    ...(error && { error: toProblem(error) }),
    created_at: toTimestamp(created_at),
    ...(finished_at && { finished_at: toTimestamp(finished_at) }),
  }
}

/** The types that zod infers have mutable arrays. */
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T
const asMutable = <T>(value: T): Mutable<T> => value as Mutable<T>

export function toKey({ created_at, last_used_at, revoked_at, ...same }: ApiKeyRow): Key {
  return {
    ...same,
    created_at: toTimestamp(created_at),
    ...(last_used_at && { last_used_at: toTimestamp(last_used_at) }),
    ...(revoked_at && { revoked_at: toTimestamp(revoked_at) }),
  }
}

export function toWebhook({ id, url, events, created_at }: WebhookRow): Webhook {
  return { id, url, events, created_at: toTimestamp(created_at) }
}

export function toDelivery(row: DeliveryRow): Delivery {
  const { webhook_id: _, data, failure, created_at, finished_at, ...same } = row
  return {
    ...same,
    data: { ...data },
    ...(failure && { failure }),
    created_at: toTimestamp(created_at),
    ...(finished_at && { finished_at: toTimestamp(finished_at) }),
  }
}

export function toTraining(row: TrainingRow): Training {
  const { method, ...settings } = row.spec
  return {
    id: row.id,
    ...(row.name && { name: row.name }),
    status: row.status,
    base: row.base_id,
    dataset: row.dataset_id,
    ...(row.test_dataset_id && { test_dataset: row.test_dataset_id }),
    ...(row.from_adapter_id && { from_adapter: row.from_adapter_id }),
    method: method.method,
    settings: { ...method, ...settings },
    ...(row.metadata && { metadata: row.metadata }),
    ...(row.plan && { plan: row.plan as Training['plan'] }),
    ...(row.progress && { progress: row.progress }),
    ...(row.result && { result: { ...row.result } }),
    ...(row.adapter_id && { adapter: row.adapter_id }),
    ...(row.error && { error: toProblem(row.error) }),
    pausing: row.requested_action === 'pause',
    slices: row.slices,
    last_event: row.last_event,
    created_at: toTimestamp(row.created_at),
    ...(row.started_at && { started_at: toTimestamp(row.started_at) }),
    ...(row.finished_at && { finished_at: toTimestamp(row.finished_at) }),
  }
}

export function toTrainingEvent({ number, event, created_at }: EventRow): TrainingEventAnswer {
  return { number, event, created_at: toTimestamp(created_at) }
}
