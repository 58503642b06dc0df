import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Comparison } from '../../platform/schemas/comparisons.ts'
import type { ParameterCount } from '../../platform/schemas/parameters.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { accuracyOverSeeds } from '../../training/comparison/over-seeds.ts'
import type { TrainingResult } from '../../training/events.ts'
import type { Claim, Grid } from './grid.ts'
import type { SweepInputs } from './inputs.ts'
import { jobName, listJobs, trainedRow } from './jobs.ts'
import { judgeClaims } from './judge-claims.ts'
import type { RowAccuracy, RowResult, SeedComparison, SweepReport, TrainingOutcome } from './report.ts'
import type { GridRow } from './rows.ts'
import { type Pair, pairKey } from './run-comparisons.ts'

/** Everything that a report is made of. */
export interface SweepState {
  version: string
  grid: Grid
  inputs: SweepInputs
  /** The parameters that each row trains, by the name of the row. */
  counts: ReadonlyMap<string, ParameterCount>
  /** The trainings that have ended, by name. */
  trainings: ReadonlyMap<string, Training>
  /** The adapters of those that succeeded, by name. */
  adapters: ReadonlyMap<string, Adapter>
  comparisons: ReadonlyMap<string, Comparison>
  baseline?: SweepReport['baseline']
}

/** The size of a trained parameter in an adapter. */
const FLOAT_BYTES = 4

/** Makes the report of a sweep, or of as much of it as has ended. */
export function makeReport(state: SweepState): SweepReport {
  const { version, grid, inputs, trainings, baseline } = state
  const { base, train, test } = inputs
  const leaked = [...trainings.values()].find(({ plan }) => plan?.leaked !== undefined)?.plan?.leaked
  return {
    graft: version,
    name: grid.name,
    base: { name: base.name, fingerprint: base.fingerprint, parameters: base.parameters },
    data: {
      train: { digest: train.digest, rows: train.rows },
      test: { digest: test.digest, rows: test.rows },
    },
    ...(leaked !== undefined && { leaked }),
    seeds: grid.seeds,
    trainings: { total: listJobs(grid, inputs).length, ended: trainings.size },
    rows: grid.rows.map((row) => toRow(state, row)),
    ...(baseline && { baseline }),
    claims: judgeClaims(
      grid.claims,
      grid.claims.map((claim) => comparisonsOf(state, claim)),
      test.rows,
    ),
  }
}

function toRow(state: SweepState, row: GridRow): RowResult {
  const { grid, inputs, counts } = state
  const { name, method, settings, published, published_source } = row
  const { trainable, percent } = counts.get(name) as ParameterCount
  const trained = trainedRow(grid, row)
  const outcomes = grid.seeds.map((seed) => toOutcome(state, seed, jobName(grid, inputs, row, seed)))
  const accuracy = toAccuracy(outcomes, inputs.test.rows)
  const seconds = outcomes.flatMap((outcome) => outcome.seconds ?? [])
  return {
    name,
    method,
    settings,
    ...(trained !== row && { shares_trainings_of: trained.name }),
    trainable,
    percent,
    bytes: FLOAT_BYTES * trainable,
    ...(published !== undefined && { published }),
    ...(published_source !== undefined && { published_source }),
    ...(accuracy && { accuracy, seconds: mean(seconds) }),
    trainings: outcomes,
  }
}

function toOutcome({ trainings, adapters }: SweepState, seed: number, name: string): TrainingOutcome {
  const training = trainings.get(name)
  if (!training) return { seed, name, status: 'missing' }
  const { status, error } = training
  const result = training.result as Omit<TrainingResult, 'checkpoint'> | undefined
  if (status !== 'succeeded' || !result?.metrics)
    return { seed, name, status, ...(error && { error: `${error.title}. ${error.detail}` }) }
  const { accuracy, interval, f1, ece } = result.metrics
  const { loss, steps, seconds, curve } = result
  const digest = adapters.get(name)?.digest
  return { seed, name, status, digest, accuracy, interval, f1, ece, loss, steps, seconds, curve }
}

function toAccuracy(outcomes: readonly TrainingOutcome[], n: number): RowAccuracy | undefined {
  const measured = outcomes.filter(({ accuracy }) => accuracy !== undefined)
  const [first] = measured
  if (!first) return undefined
  const { accuracy, interval } = first as Required<TrainingOutcome>
  if (measured.length === 1) return { mean: accuracy, interval, seeds: 1 }
  const { p: _, ...estimate } = accuracyOverSeeds(
    measured.map((outcome) => outcome.accuracy as number),
    n,
  )
  return { ...estimate, seeds: measured.length }
}

/** Returns the adapters that a claim is about, for each seed that both rows have. */
export function pairsOf({ grid, inputs, adapters }: SweepState, claim: Claim): { seed: number; pair: Pair }[] {
  const adapterOf = (name: string, seed: number) =>
    adapters.get(jobName(grid, inputs, grid.rows.find((row) => row.name === name) as GridRow, seed))
  return grid.seeds.flatMap((seed) => {
    const [worse, better] = [adapterOf(claim.worse, seed), adapterOf(claim.better, seed)]
    return worse && better ? [{ seed, pair: { worse, better } }] : []
  })
}

/** Returns the comparison of a claim's rows for each seed, of those that have succeeded. */
function comparisonsOf(state: SweepState, claim: Claim): SeedComparison[] {
  const { comparisons } = state
  return pairsOf(state, claim).flatMap(({ seed, pair }): SeedComparison[] => {
    const result = comparisons.get(pairKey(pair))?.result
    if (!result) return []
    const [{ difference, interval, wins, losses, mcnemar_p, verdict }] = result.pairs
    return [{ seed, difference, interval, wins, losses, mcnemar_p, verdict }]
  })
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
