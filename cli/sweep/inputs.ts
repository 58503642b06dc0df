import { existsSync } from 'node:fs'
import { fail } from '../../core/errors.ts'
import { fingerprintOf } from '../../platform/offline/bases.ts'
import type { BaseAnswer } from '../../platform/schemas/bases.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import type { Api } from '../store/api.ts'
import { ensureDataset } from '../store/datasets.ts'
import { findDataFiles } from './data-files.ts'
import type { Grid } from './grid.ts'

/** The base and the data that all trainings of a sweep share. */
export interface SweepInputs {
  base: BaseAnswer
  train: Dataset
  test: Dataset
  /** The files of the two data sets. */
  files: { data: string; test: string }
}

/**
 * Finds the base of a grid in the store and uploads its data if they are not there.
 * @throws GraftError `base_unknown`, or the error of a file
 */
export async function resolveInputs(api: Api, grid: Grid): Promise<SweepInputs> {
  const files = findDataFiles(grid)
  const base = await findBase(api, grid.base)
  return {
    base,
    train: await ensureDataset(api, files.data, grid.reading),
    test: await ensureDataset(api, files.test, grid.reading),
    files,
  }
}

/** @param base a folder, or the id or name of a base in the store. Defaults to the base that the server serves. */
async function findBase(api: Api, base?: string): Promise<BaseAnswer> {
  const all = await Array.fromAsync(api.bases.list())
  // Without a server, this process has opened the store with the base of the grid.
  const isBase =
    base === undefined || api.url === undefined ? ({ served }: BaseAnswer) => served : await matcherOf(base)
  return (
    all.find(isBase) ??
    fail('base_unknown', {
      subject: 'base',
      expected: `one of the bases of ${api.url}: ${all.map(({ name }) => name).join(', ')}`,
      found: JSON.stringify(base),
      fix: 'Start the server with graft serve --base, or stop it to sweep in this process.',
    })
  )
}

/** A folder is compared by its weights, because the server may have it at another path. */
async function matcherOf(base: string): Promise<(candidate: BaseAnswer) => boolean> {
  const fingerprint = existsSync(base) ? await fingerprintOf(base) : undefined
  return (candidate) => candidate.fingerprint === fingerprint || candidate.id === base || candidate.name === base
}
