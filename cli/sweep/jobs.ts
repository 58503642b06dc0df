import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { LaunchRequest } from '../../client/resources.ts'
import type { Grid } from './grid.ts'
import type { SweepInputs } from './inputs.ts'
import type { GridRow } from './rows.ts'

/** A training of a sweep. */
export interface Job {
  /** The name of the training and of its adapter. It depends only on the grid, the data and the base. */
  name: string
  row: GridRow
  seed: number
  /** The body of the request that launches it. */
  request: LaunchRequest
}

/**
 * Returns the trainings of a sweep. All rows of the first seed come first, so that an interrupted sweep has a complete
 * table of fewer seeds. Rows with equal settings share their trainings.
 */
export function listJobs(grid: Grid, inputs: SweepInputs): Job[] {
  const distinct = grid.rows.filter((row) => trainedRow(grid, row) === row)
  return grid.seeds.flatMap((seed) => distinct.map((row) => toJob(grid, inputs, row, seed)))
}

/** Returns the first row with the same settings: the one whose trainings this row shares. */
export const trainedRow = (grid: Grid, row: GridRow): GridRow =>
  grid.rows.find(({ identity }) => isDeepStrictEqual(identity, row.identity)) ?? row

/** Returns the name of the training of a row and a seed. */
export const jobName = (grid: Grid, inputs: SweepInputs, row: GridRow, seed: number): string =>
  toJob(grid, inputs, trainedRow(grid, row), seed).name

function toJob(grid: Grid, { base, train, test }: SweepInputs, row: GridRow, seed: number): Job {
  const identity = {
    ...row.identity,
    seed,
    base: base.fingerprint,
    data: train.digest,
    test: test.digest,
    ...(Object.keys(grid.reading).length > 0 && { reading: grid.reading }),
  }
  const hash = createHash('sha256').update(toSortedJson(identity)).digest('hex').slice(0, HASH_DIGITS)
  const name = `${grid.name}-${toSlug(row.name)}-s${seed}-${hash}`
  const request = { ...row.settings, seed, name, base: base.id, dataset: train.id, test_dataset: test.id }
  return { name, row, seed, request }
}

const HASH_DIGITS = 10

/** Returns the name of a row as a part of the name of a training. */
const toSlug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 30)

/** Returns a value as JSON whose fields are sorted, so that equal values have equal texts. */
const toSortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
