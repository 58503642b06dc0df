import { join } from 'node:path'
import { fail } from '../../core/errors.ts'
import { hidingPaths } from '../files/hide-paths.ts'
import { bringFiles } from '../files/training-files.ts'
import { planTraining as plan } from '../offline/train.ts'
import type { Platform } from '../platform.ts'
import type { TrainingPlan, TrainingRequest } from '../schemas/trainings.ts'
import { resolveTraining } from './trainings.ts'

/** Dry runs at a time in a process: each takes as much memory and as many threads as a training. */
let running = 0

/**
 * The dry run: checks everything, measures two steps, keeps nothing.
 * @param signal ends it
 * @throws GraftError as a launch, what is wrong with the data, or `overloaded` while another dry run is under way
 */
export async function planTraining(
  platform: Platform,
  request: TrainingRequest,
  signal: AbortSignal,
): Promise<TrainingPlan> {
  const { spec, base, dataset, test } = await resolveTraining(platform, platform.store.db, request)
  if (running > 0)
    fail('overloaded', {
      subject: 'the dry run',
      expected: 'no other under way',
      found: 'one',
      fix: 'Try again in a moment.',
    })
  running++
  try {
    const { paths, names } = await bringFiles(platform.cache, { base, dataset, test })
    const asked = { ...spec, ...paths, out: join(paths.data, 'nowhere') }
    const measured = await hidingPaths(names, () => plan(asked, () => {}, signal))
    return { plan: measured.plan, estimate: measured.estimate }
  } finally {
    running--
  }
}
