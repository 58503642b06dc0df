import { z } from 'zod'
import type { Adapter } from '../platform/schemas/adapters.ts'
import type { Comparison } from '../platform/schemas/comparisons.ts'
import type { Dataset } from '../platform/schemas/datasets.ts'
import type { Training } from '../platform/schemas/trainings.ts'

// An agent pays for every token that it reads, so answers are short unless it asks for more.

export const detail = z
  .enum(['summary', 'full'], { error: 'summary or full' })
  .default('summary')
  .describe('summary stays under 4,000 tokens; full leaves nothing out')
export type Detail = z.infer<typeof detail>

/** Characters of JSON in a summary. Ids and digits make more tokens than prose: three characters each, or fewer. */
const ROOM = 9000

/** The leading items that fit in a summary, one at least. */
export function fitting<T>(items: readonly T[]): T[] {
  let room = ROOM
  const past = items.findIndex((item) => {
    room -= JSON.stringify(item).length + 1
    return room < 0
  })
  return items.slice(0, past < 0 ? items.length : Math.max(past, 1))
}

/** Labels in a summary. */
const LABELS = 20

const firstFields = <T>(fields: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(fields).slice(0, LABELS))

function pick<T extends object, K extends keyof T>(thing: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => thing[key] !== undefined).map((key) => [key, thing[key]])) as Pick<
    T,
    K
  >
}

const measured = (metrics: Readonly<Record<string, unknown>>) =>
  pick(metrics, ['n', 'accuracy', 'interval', 'f1', 'ece'])

export function shortAdapter({ metrics, labels, ...adapter }: Adapter) {
  return rounded({
    ...pick(adapter, ['id', 'name', 'method', 'base', 'trainable', 'total', 'training', 'created_at']),
    ...(adapter.aliases.length > 0 && { aliases: adapter.aliases.slice(0, LABELS) }),
    labels: labels.slice(0, LABELS),
    ...(metrics && { metrics: measured(metrics) }),
  })
}

export function shortDataset({ labels, ...dataset }: Dataset) {
  return { ...pick(dataset, ['id', 'name', 'rows', 'duplicates', 'created_at']), labels: firstFields(labels) }
}

export function shortPlan({ labels, ...plan }: NonNullable<Training['plan']>) {
  return rounded({ ...plan, labels: firstFields(labels) })
}

export function shortTraining(training: Training) {
  const { result } = training
  const { metrics, ...outcome } = result ? pick(result, ['steps', 'seconds', 'loss', 'accuracy', 'metrics']) : {}
  return rounded({
    ...pick(training, ['id', 'name', 'status', 'method', 'dataset', 'test_dataset', 'progress', 'adapter', 'error']),
    ...(training.pausing && { pausing: true }),
    ...(result && { result: { ...outcome, ...(isRecord(metrics) && { metrics: measured(metrics) }) } }),
    ...pick(training, ['created_at', 'started_at', 'finished_at']),
  })
}

/** Reviews that a summary shows. */
const FLIPPED = 3

export function shortComparison({ result, ...comparison }: Comparison) {
  const pair = (one: NonNullable<Comparison['result']>['pairs'][number]) =>
    pick(one, ['a', 'b', 'difference', 'interval', 'wins', 'losses', 'adjusted_p', 'better', 'verdict'])
  return rounded({
    ...pick(comparison, ['id', 'status', 'adapters', 'dataset', 'error', 'created_at', 'finished_at']),
    ...(result && {
      result: {
        ...pick(result, ['n', 'adapters', 'smallest_detectable', 'disagreements', 'verdict']),
        pairs: fitting(result.pairs.map(pair)),
        flipped: result.flipped.slice(0, FLIPPED).map(({ id, label, text, answers }) => ({
          id,
          label,
          text: text.slice(0, 120),
          answers: answers.map((answer) => answer.label),
        })),
      },
    }),
  })
}

/** Four digits of each number that is no whole one. */
const rounded = <T>(thing: T): T =>
  JSON.parse(JSON.stringify(thing), (_, value) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  )

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
