import { join } from 'node:path'
import { fail } from '../../core/errors.ts'
import { withRedactedPaths } from '../files/redact-paths.ts'
import { fetchTrainingFiles } from '../files/training-files.ts'
import { dryRunTraining } from '../offline/train.ts'
import type { Platform } from '../platform.ts'
import type { TrainingPlan, TrainingRequest } from '../schemas/trainings.ts'
import { addStartSettings, resolveTraining } from './trainings.ts'

/**
 * True while a dry run is running. Only one may run at a time, because it takes as much memory and as many threads as a
 * training.
 */
let isRunning = false

/**
 * Performs the dry run of a training: validates everything, measures two steps and stores nothing.
 * @param signal stops the dry run
 * @throws GraftError like a launch; the error of invalid data; `overloaded` while another dry run is running
 */
export async function planLaunch(
  platform: Platform,
  request: TrainingRequest,
  signal: AbortSignal,
): Promise<TrainingPlan> {
  const { spec, base, dataset, test, start } = await resolveTraining(
    platform,
    platform.store.db,
    await addStartSettings(platform, request),
  )
  if (isRunning)
    fail('overloaded', {
      subject: 'the dry run',
      problem: 'cannot start because another one is running',
      fix: 'Try again in a moment.',
    })
  isRunning = true
  try {
    const { files, names } = await fetchTrainingFiles(platform.cache, { base, dataset, test, start: start?.artifact })
    const dryRun = { ...spec, ...files, out: join(files.data, 'nowhere') }
    const { plan, estimate } = await withRedactedPaths(names, () => dryRunTraining(dryRun, () => {}, signal))
    return { plan, estimate }
  } finally {
    isRunning = false
  }
}
