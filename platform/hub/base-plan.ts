import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BASE_LIMITS, type ReadLimits } from '../../checkpoint/limits.ts'
import {
  findModelFiles,
  findWeightsEntry,
  isIndex,
  modelSettings,
  requireModelFiles,
} from '../../checkpoint/model-folder.ts'
import { GraftError } from '../../core/errors.ts'

/** A choice of the files of a repository. */
export interface DownloadPlan {
  readonly limits: ReadLimits
  /** The largest file of tensors. */
  readonly weightsBytes: number
  /**
   * Yields the names of files to download, weights last. They are in the folder when the generator continues.
   * @param available the names of the files in the repository
   * @param subject the repository, for errors
   */
  filesOf(available: ReadonlySet<string>, dir: string, subject: string): AsyncGenerator<readonly string[]>
  /** Returns whether a folder has what is needed. Weights are downloaded last, so a broken download has not. */
  isUsable(dir: string): Promise<boolean>
}

/** Chooses the files of a base: safetensors, or the files of PyTorch if there are no others. */
export const basePlan: DownloadPlan = {
  limits: BASE_LIMITS,
  // Only the disk limits a base, which the operator chooses.
  weightsBytes: Number.MAX_SAFE_INTEGER,
  async *filesOf(available, dir, subject) {
    requireModelFiles(subject, available)
    yield modelSettings.filter((name) => available.has(name))
    yield* modelWeights(available, dir, BASE_LIMITS)
  },
  isUsable: (dir) => hasAll(dir, async () => ['config.json', ...(await findModelFiles(dir, BASE_LIMITS))]),
}

/** Yields the names of the files with the tensors of a model: a file, or an index and then the files that it lists. */
export async function* modelWeights(available: ReadonlySet<string>, dir: string, limits: ReadLimits) {
  const entry = findWeightsEntry(available)
  if (entry === undefined) return requireModelFiles(dir, available)
  yield [entry]
  if (isIndex(entry)) yield await findModelFiles(dir, limits)
}

/** Returns whether a folder has all of the files that can be found out to be needed. */
export async function hasAll(dir: string, findNeeded: () => Promise<readonly string[]>): Promise<boolean> {
  try {
    return (await findNeeded()).every((name) => existsSync(join(dir, name)))
  } catch (error) {
    if (error instanceof GraftError) return false
    throw error
  }
}
