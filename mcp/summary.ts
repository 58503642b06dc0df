import { z } from 'zod'
import type { Adapter } from '../platform/schemas/adapters.ts'
import type { BaseAnswer } from '../platform/schemas/bases.ts'
import type { Comparison } from '../platform/schemas/comparisons.ts'
import type { Dataset } from '../platform/schemas/datasets.ts'
import type { Evaluation } from '../platform/schemas/evaluations.ts'
import type { finding } from '../platform/schemas/findings.ts'
import type { Training } from '../platform/schemas/trainings.ts'

// An agent pays for every token that it reads. Results are therefore short unless the agent requests more.

export const detail = z.enum(['summary', 'full'], { error: 'summary or full' }).default('summary')
export type Detail = z.infer<typeof detail>

/**
 * The maximum length of a summary as JSON. A token of an id or a number has at most three characters, fewer than a
 * token of prose.
 */
const MAX_SUMMARY_CHARS = 9000

/** Returns the leading items that fit in a summary, at least one. */
export function takeFitting<T>(items: readonly T[]): T[] {
  let left = MAX_SUMMARY_CHARS
  const end = items.findIndex((item) => {
    left -= JSON.stringify(item).length + 1
    return left < 0
  })
  return items.slice(0, end < 0 ? items.length : Math.max(end, 1))
}

const MAX_LABELS = 20

const takeLabels = <T>(fields: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(fields).slice(0, MAX_LABELS))

function pick<T extends object, K extends keyof T>(object: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]])) as Pick<
    T,
    K
  >
}

const pickMetrics = (metrics: Readonly<Record<string, unknown>>) =>
  pick(metrics, ['n', 'accuracy', 'interval', 'f1', 'ece', 'log_loss'])

export function summarizeAdapter({ metrics, labels, ...adapter }: Adapter) {
  return roundNumbers({
    ...pick(adapter, ['id', 'name', 'method', 'base', 'trainable', 'total', 'temperature', 'training', 'created_at']),
    ...(adapter.aliases.length > 0 && { aliases: adapter.aliases.slice(0, MAX_LABELS) }),
    labels: labels.slice(0, MAX_LABELS),
    ...(metrics && { metrics: pickMetrics(metrics) }),
  })
}

export function summarizeDataset({ labels, skipped, ...dataset }: Dataset) {
  return {
    ...pick(dataset, ['id', 'name', 'rows', 'columns', 'duplicates', 'created_at']),
    ...(skipped.rows > 0 && { skipped }),
    labels: takeLabels(labels),
  }
}

export const summarizeBase = (base: BaseAnswer) => pick(base, ['id', 'name', 'parameters', 'served', 'created_at'])

export function summarizeEvaluation({ metrics, ...evaluation }: Evaluation) {
  return roundNumbers({
    ...pick(evaluation, ['id', 'status', 'adapter', 'dataset', 'error', 'created_at', 'finished_at']),
    ...(metrics && { metrics: pickMetrics(metrics) }),
  })
}

export function summarizePlan({ labels, findings = [], ...plan }: NonNullable<Training['plan']>) {
  return roundNumbers({ ...plan, labels: takeLabels(labels), ...(findings.length > 0 && { findings }) })
}

export function summarizeTraining(training: Training) {
  const { result } = training
  const { metrics, findings, ...outcome } = result
    ? pick(result, ['steps', 'seconds', 'loss', 'calibration', 'skipped', 'accuracy', 'metrics', 'findings'])
    : {}
  return roundNumbers({
    ...pick(training, ['id', 'name', 'status', 'method', 'dataset', 'test_dataset', 'progress', 'adapter', 'error']),
    ...(training.pausing && { pausing: true }),
    ...(result && {
      result: {
        ...outcome,
        ...(isRecord(metrics) && { metrics: pickMetrics(metrics) }),
        ...(Array.isArray(findings) && findings.length > 0 && { findings }),
      },
    }),
    ...pick(training, ['created_at', 'started_at', 'finished_at']),
  })
}

const MAX_FLIPPED = 3

export function summarizeComparison({ result, ...comparison }: Comparison) {
  const summarizePair = (pair: NonNullable<Comparison['result']>['pairs'][number]) =>
    pick(pair, ['a', 'b', 'difference', 'interval', 'wins', 'losses', 'adjusted_p', 'better', 'verdict'])
  return roundNumbers({
    ...pick(comparison, ['id', 'status', 'adapters', 'dataset', 'error', 'created_at', 'finished_at']),
    ...(comparison.pipelines.length > 0 && pick(comparison, ['pipelines'])),
    ...(result && {
      result: {
        ...pick(result, ['n', 'smallest_detectable', 'disagreements', 'verdict']),
        adapters: result.adapters.map((adapter) => pick(adapter, ['name', 'n', 'accuracy', 'interval', 'f1', 'ece'])),
        pairs: takeFitting(result.pairs.map(summarizePair)),
        flipped: result.flipped.slice(0, MAX_FLIPPED).map(({ id, label, text, answers }) => ({
          id,
          label,
          text: text.slice(0, 120),
          answers: answers.map((answer) => answer.label),
        })),
      },
    }),
  })
}

/** Rounds each number that is not an integer to four digits. */
const roundNumbers = <T>(object: T): T =>
  JSON.parse(JSON.stringify(object), (_, value) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  )

/** Returns warnings as sentences. */
export const describeWarnings = (findings: readonly z.infer<typeof finding>[] = []): string[] =>
  findings.filter(({ level }) => level === 'warning').map(({ message, fix }) => `Warning: ${message} ${fix}`)

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
